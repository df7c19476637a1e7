using RmwCkpt.Memory;
using RmwCkpt.Registry;

namespace RmwCkpt.Middleware;

/// <summary>The two threads of a session: one follows the graph, one watches the master.</summary>
public sealed partial class Session
{
    private void StartThreads()
    {
        Start("ckpt-monitor", FollowGraph);
        Start("ckpt-guardian", WatchMaster);
    }

    private static void Start(string name, Action body) =>
        new Thread(() => body(), 256 * 1024) { IsBackground = true, Name = name }.Start();

    /// <summary>Sleeps until the master notices this process of a change; matches; wakes those who wait for the graph.</summary>
    private void FollowGraph()
    {
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
                var changed = _matcher.Update();
                if (_rematch)
                {
                    _rematch = false;
                    _matcher.Rematch();
                }
                if (changed)
                {
                    TriggerGraphGuards();
                }
            }
            catch (Exception e) when (e is IOException or Failure)
            {
                Report.Error($"following the graph: {e.Message}");
            }
            Futex.Wait(Slot, ProcessTable.Notice, notice, -1);
        }
    }

    private void TriggerGraphGuards()
    {
        foreach (var entity in Volatile.Read(ref _entities))
        {
            (entity as Node)?.GraphGuard.Trigger();
        }
    }

    /// <summary>
    /// Blocks in flock(2) on the lock that the master holds: to get it means that the master is dead, and that this
    /// process is the one to start the next. Ends with the process.
    /// </summary>
    private void WatchMaster()
    {
        while (!_shutDown)
        {
            try
            {
                MasterStarter.StartWhenGone(Folder, () => _shutDown);
            }
            catch (IOException e)
            {
                Report.Error($"watching the master: {e.Message}");
                Thread.Sleep(1000);
            }
        }
    }
}
