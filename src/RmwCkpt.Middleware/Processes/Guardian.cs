using RmwCkpt.Domain;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Processes;

/// <summary>
/// Watches the masters of the domains that this process is in: one thread each, for good, blocked in flock(2) on the lock
/// that the master holds. To get the lock means that the master is dead, and that this process is to start the next; or that
/// it has ended because the run folder is gone, which is then made again.
/// </summary>
internal sealed class Guardian(MasterStarter masters)
{
    private readonly object _lock = new();
    private readonly Dictionary<RunFolder, List<Session>> _users = [];

    /// <summary>A session joined: from now on its domain has a master.</summary>
    public void Watch(Session session)
    {
        var folder = session.Folder;
        lock (_lock)
        {
            var isNew = _users.TryAdd(folder, []);
            _users[folder].Add(session);
            if (isNew)
            {
                CoreThread.Start("ckpt-guardian", () => Run(folder));
            }
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>A session left.</summary>
    public void Leave(Session session)
    {
        lock (_lock)
        {
            if (_users.TryGetValue(session.Folder, out var sessions))
            {
                sessions.Remove(session);
            }
        }
    }

    private void Run(RunFolder folder)
    {
        var said = "";
        while (true)
        {
            try
            {
                foreach (var session in Sessions(folder))
                {
                    session.Relocation.MoveIfDisplaced();
                }
                masters.StartWhenGone(folder, () => !IsWatched(folder));
                said = "";
                Thread.Sleep((int)(masters.TriesOf(folder).Pause / 1_000_000));
            }
            catch (Exception e)
            {
                // Whatever it is, a damaged file say: it must not end the program.
                if (said != e.Message)
                {
                    Report.Error($"watching the master: {said = e.Message}");
                }
                Thread.Sleep(1000);
            }
        }
    }

    /// <summary>Those in the domain, once there are any.</summary>
    private List<Session> Sessions(RunFolder folder)
    {
        lock (_lock)
        {
            while (_users[folder].Count == 0)
            {
                Monitor.Wait(_lock);
            }
            return [.. _users[folder]];
        }
    }

    private bool IsWatched(RunFolder folder)
    {
        lock (_lock)
        {
            return _users[folder].Count > 0;
        }
    }
}
