using RmwCkpt.Middleware.Processes;

namespace RmwCkpt.Middleware.Messages;

/// <summary>The outboxes of this process, of all its sessions, that lend messages in their logs' files. Thread-safe.</summary>
internal sealed class Lenders(SessionsInUse sessions)
{
    private readonly object _lock = new();
    private readonly HashSet<Outbox> _all = [];

    /// <summary>Before the first message is handed out.</summary>
    public void Add(Outbox outbox)
    {
        lock (_lock)
        {
            _all.Add(outbox);
        }
        sessions.BeginLending();
    }

    public void Remove(Outbox outbox)
    {
        lock (_lock)
        {
            _all.Remove(outbox);
        }
    }

    /// <summary>All that is lent now becomes this process' own. What is lent later does so by itself, while a snapshot is taken.</summary>
    public void Detach()
    {
        Outbox[] all;
        lock (_lock)
        {
            all = [.. _all];
        }
        foreach (var outbox in all)
        {
            outbox.DetachLoans();
        }
    }
}
