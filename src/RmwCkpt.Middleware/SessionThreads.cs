using RmwCkpt.Memory;
using RmwCkpt.Registry;

namespace RmwCkpt.Middleware;

/// <summary>The thread of a session that follows the graph. (The one that watches the master is <see cref="Guardian"/>'s.)</summary>
public sealed partial class Session
{
    /// <summary>How often time is let catch up where nobody waits or reads a clock, ns.</summary>
    private const long PaceInterval = 20_000_000;

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
        while (!_shutDown)
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
                    _matcher.Rematch();
                }
                // Another thread may have taken the change in, and tells nobody.
                if (_matcher.Seen != told)
                {
                    told = _matcher.Seen;
                    TriggerGraphGuards();
                }
            }
            catch (Exception e) when (e is IOException or Failure)
            {
                Report.Error($"following the graph: {e.Message}");
            }
            Determinants.Pace();
            Futex.Wait(Slot, ProcessTable.Notice, notice, Determinants.Clock.IsBehind ? PaceInterval : -1);
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
