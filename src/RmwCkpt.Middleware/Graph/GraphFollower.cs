using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Processes;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Graph;

/// <summary>
/// A session's thread that sleeps until the master notices it of a change, and does what follows: matches, says hello to a new
/// master, trims logs. (The one that watches the master is <see cref="Guardian"/>'s.) Thread-safe.
/// </summary>
internal sealed class GraphFollower(Session session)
{
    /// <summary>How often time is let catch up where nobody waits or reads a clock, ns.</summary>
    private const long PaceInterval = 20_000_000;

    private readonly ShutdownWakes _wakes = new();
    private volatile bool _rematch;
    private Thread? _thread;

    public void Start() => _thread = CoreThread.Start("ckpt-monitor", Run);

    /// <summary>Waits until the thread of a session that is released has ended. False: it has not.</summary>
    public bool Join(TimeSpan patience) => _thread?.Join(patience) != false;

    /// <summary>A replay has ended: what the graph became meanwhile is matched now.</summary>
    public void Rematch()
    {
        _rematch = true;
        session.Table.Notify(session.SlotIndex);
    }

    /// <summary>The session is shut down: who waits is woken, and again.</summary>
    public void BeginWakes()
    {
        _wakes.Begin();
        session.Table.Notify(session.SlotIndex);
    }

    private void Run()
    {
        var told = 0ul;
        var trims = new DomainMemory(session.Table.Domain).Trims;
        var triggerGuards = TriggerGuards;
        while (true)
        {
            // In this order: who releases sets the mark, then notifies.
            var notice = session.Slot.AcquireUInt32(ProcessTable.Notice);
            if (session.IsReleased)
            {
                return;
            }
            try
            {
                Follow(ref told, ref trims);
            }
            catch (Exception e)
            {
                // A log that is damaged must not end the process.
                Report.Error($"following the graph: {e.Message}");
            }
            session.ReplayJournal.CatchUp.Pace();
            var wake = _wakes.Wake(triggerGuards);
            var pace = session.ReplayJournal.Clock.IsBehind ? PaceInterval : -1;
            Futex.Wait(session.Slot, ProcessTable.Notice, notice, wake < 0 || pace < 0 ? Math.Max(wake, pace) : Math.Min(wake, pace));
        }
    }

    /// <param name="told">The graph's version of which those who wait for it were told.</param>
    /// <param name="trims">How often the master has asked for trimming.</param>
    private void Follow(ref ulong told, ref uint trims)
    {
        session.Registration.SayHelloIfAsked();
        lock (session.ReplayJournal.Gate)
        {
            // Notices a new incarnation even in a process that does nothing else.
            _ = session.ReplayJournal.Replays();
        }
        session.ProcessSlot.DetachIfAsked();
        if (new DomainMemory(session.Table.Domain).Trims is var asked && asked != trims)
        {
            trims = asked;
            TrimLogs();
        }
        session.Matcher.Update();
        if (_rematch)
        {
            _rematch = false;
            session.Logs.Renew();
            RenewLoans();
            // For what was committed before its writer saw this reader again.
            session.RingSelf();
            session.Matcher.Rematch();
        }
        // Another thread may have taken the change in, and tells nobody.
        if (session.Matcher.Seen != told)
        {
            told = session.Matcher.Seen;
            TriggerGraphGuards();
        }
    }

    /// <summary>The domain's memory is scarce: logs that are not written to keep no more than their share either.</summary>
    private void TrimLogs() => ForEachEndpoint("keeping no more than a share of the memory", x => x.Outbox?.Trim());

    private void RenewLoans() => ForEachEndpoint(
        "what was lent before",
        x =>
        {
            x.Inbox?.RenewLoans();
            x.Outbox?.RenewLoans();
        });

    /// <summary>Of one whose log is damaged, or full, that is said, and the others follow.</summary>
    private void ForEachEndpoint(string what, Action<Endpoint> act)
    {
        foreach (var endpoint in session.Entities.OfType<Endpoint>())
        {
            try
            {
                act(endpoint);
            }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                Report.Error($"{what}: {e.Message}");
            }
        }
    }

    private void TriggerGuards()
    {
        foreach (var entity in session.Entities)
        {
            (entity as Guard)?.Trigger();
        }
    }

    private void TriggerGraphGuards()
    {
        foreach (var node in session.EntityTable.Nodes)
        {
            node.GraphGuard.Trigger();
        }
    }
}
