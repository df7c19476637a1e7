using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Entities;

namespace RmwCkpt.Middleware.Sessions;

/// <summary>The thread of a session that follows the graph. (The one that watches the master is <see cref="Guardian"/>'s.)</summary>
public sealed partial class Session
{
    /// <summary>How often time is let catch up where nobody waits or reads a clock, ns.</summary>
    private const long PaceInterval = 20_000_000;

    /// <summary>
    /// How long after a shutdown all guard conditions are triggered, ns: executors then look at their context, which rcl marks
    /// after rmw_shutdown only. One that was woken before, and waits again, would wait for ever. More than once, for a busy
    /// machine may not let the one who marks it run.
    /// </summary>
    private static readonly long[] s_wakes = [10_000_000, 100_000_000, 1_000_000_000];

    private readonly object _wakesLock = new();
    private int _wakesDone = s_wakes.Length;
    private long _shutDownAt;
    private Thread? _monitor;

    private void StartThreads()
    {
        _monitor = Start("ckpt-monitor", FollowGraph);
        Guardian.Watch(this);
    }

    internal static Thread Start(string name, Action body)
    {
        var thread = new Thread(
            () =>
            {
                Posix.LeaveSignalsToOthers();
                body();
            },
            256 * 1024)
        { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }

    /// <summary>Sleeps until the master notices this process of a change; matches; wakes those who wait for the graph.</summary>
    private void FollowGraph()
    {
        var told = 0ul;
        var trims = new DomainMemory(Table.Domain).Trims;
        while (true)
        {
            // In this order: who releases sets the mark, then notifies.
            var notice = Slot.AcquireUInt32(ProcessTable.Notice);
            if (_released)
            {
                return;
            }
            try
            {
                SayHelloIfAsked();
                lock (Determinants.Gate)
                {
                    // Notices a new life even in a process that does nothing else.
                    _ = Determinants.Replays();
                }
                DetachIfAsked();
                if (new DomainMemory(Table.Domain).Trims is var asked && asked != trims)
                {
                    trims = asked;
                    TrimLogs();
                }
                _matcher.Update();
                if (_rematch)
                {
                    _rematch = false;
                    _readership.Renew();
                    RenewLoans();
                    // For what was committed before its writer saw this reader again.
                    RingSelf();
                    _matcher.Rematch();
                }
                // Another thread may have taken the change in, and tells nobody.
                if (_matcher.Seen != told)
                {
                    told = _matcher.Seen;
                    TriggerGraphGuards();
                }
            }
            catch (Exception e)
            {
                // A log that is damaged must not end the process.
                Report.Error($"following the graph: {e.Message}");
            }
            Determinants.CatchUp.Pace();
            var wake = WakeAfterShutDown();
            var pace = Determinants.Clock.IsBehind ? PaceInterval : -1;
            Futex.Wait(Slot, ProcessTable.Notice, notice, wake < 0 || pace < 0 ? Math.Max(wake, pace) : Math.Min(wake, pace));
        }
    }

    /// <summary>The domain's memory is scarce: logs that are not written to keep no more than their share either.</summary>
    private void TrimLogs()
    {
        foreach (var entity in Entities)
        {
            try
            {
                (entity as Endpoint)?.Outbox?.Trim();
            }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                Report.Error($"keeping no more than a share of the memory: {e.Message}");
            }
        }
    }

    private void RenewLoans()
    {
        foreach (var entity in Entities)
        {
            try
            {
                (entity as Endpoint)?.Inbox?.RenewLoans();
                (entity as Endpoint)?.Outbox?.RenewLoans();
            }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                Report.Error($"what was lent before: {e.Message}");
            }
        }
    }

    private void BeginWakes()
    {
        lock (_wakesLock)
        {
            (_wakesDone, _shutDownAt) = (0, Posix.Now(Posix.MonotonicClock));
        }
        Table.Notify(SlotIndex);
    }

    /// <summary>Triggers what is due after a shutdown; returns how long until the next time, ns, or -1.</summary>
    private long WakeAfterShutDown()
    {
        lock (_wakesLock)
        {
            for (; _wakesDone < s_wakes.Length; _wakesDone++)
            {
                var rest = _shutDownAt + s_wakes[_wakesDone] - Posix.Now(Posix.MonotonicClock);
                if (rest > 0)
                {
                    return rest;
                }
                TriggerGuards();
            }
        }
        return -1;
    }

    private void TriggerGuards()
    {
        foreach (var entity in Volatile.Read(ref _entities))
        {
            (entity as Guard)?.Trigger();
        }
    }

    private void TriggerGraphGuards()
    {
        foreach (var (_, node) in _nodes)
        {
            node.GraphGuard.Trigger();
        }
    }
}
