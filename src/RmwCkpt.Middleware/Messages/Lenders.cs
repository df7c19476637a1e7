using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Messages;

/// <summary>The outboxes of this process, of all its sessions, that lend messages in their logs' files. Thread-safe.</summary>
internal static class Lenders
{
    private static readonly object s_lock = new();
    private static readonly HashSet<Outbox> s_all = [];

    /// <summary>Before the first message is handed out.</summary>
    public static void Add(Outbox outbox)
    {
        lock (s_lock)
        {
            s_all.Add(outbox);
        }
        Homes.BeginLending();
    }

    public static void Remove(Outbox outbox)
    {
        lock (s_lock)
        {
            s_all.Remove(outbox);
        }
    }

    /// <summary>All that is lent now becomes this process' own. What is lent later does so by itself, while a snapshot is taken.</summary>
    public static void Detach()
    {
        Outbox[] all;
        lock (s_lock)
        {
            all = [.. s_all];
        }
        foreach (var outbox in all)
        {
            outbox.DetachLoans();
        }
    }
}
