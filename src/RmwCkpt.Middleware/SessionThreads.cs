using RmwCkpt.Memory;
using RmwCkpt.Registry;

namespace RmwCkpt.Middleware;

/// <summary>The thread of a session that follows the graph. (The one that watches the master is <see cref="Guardian"/>'s.)</summary>
public sealed partial class Session
{
    /// <summary>How often time is let catch up where nobody waits or reads a clock, ns.</summary>
    private const long PaceInterval = 20_000_000;

    /// <summary>
    /// How long after a shutdown all guard conditions are triggered, ms: executors then look at their context, which rcl marks
    /// after rmw_shutdown only. One that was woken before, and waits again, would wait for ever.
    /// </summary>
    private const int ShutdownPause = 10;

    private Thread? _monitor;

    private void StartThreads()
    {
        _monitor = Start("ckpt-monitor", FollowGraph);
        Guardian.Watch(Folder);
    }

    internal static Thread Start(string name, Action body)
    {
        var thread = new Thread(() => body(), 256 * 1024) { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }

    /// <summary>Sleeps until the master notices this process of a change; matches; wakes those who wait for the graph.</summary>
    private void FollowGraph()
    {
        var told = 0ul;
        while (!_released)
        {
            var notice = Slot.AcquireUInt32(ProcessTable.Notice);
            try
            {
                lock (Determinants.Gate)
                {
                    // Notices a new life even in a process that does nothing else.
                    _ = Determinants.IsReplaying;
                }
                _matcher.Update();
                if (_rematch)
                {
                    _rematch = false;
                    _readership.Renew();
                    _matcher.Rematch();
                }
                if (_wakeAll)
                {
                    _wakeAll = false;
                    Thread.Sleep(ShutdownPause);
                    TriggerGuards();
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
            Determinants.Pace();
            Futex.Wait(Slot, ProcessTable.Notice, notice, Determinants.Clock.IsBehind ? PaceInterval : -1);
        }
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
        foreach (var entity in Volatile.Read(ref _entities))
        {
            (entity as Node)?.GraphGuard.Trigger();
        }
    }
}
