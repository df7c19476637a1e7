using RmwCkpt.Domain;

namespace RmwCkpt.Middleware.Sessions;

/// <summary>
/// Watches the masters of the domains that this process is in: one thread each, for good, blocked in flock(2) on the lock
/// that the master holds. To get the lock means that the master is dead, and that this process is to start the next; or that
/// it has ended because the run folder is gone, which is then made again.
/// </summary>
public static class Guardian
{
    private static readonly object s_lock = new();
    private static readonly Dictionary<RunFolder, List<Session>> s_users = [];

    /// <summary>A session joined: from now on its domain has a master.</summary>
    public static void Watch(Session session)
    {
        var folder = session.Folder;
        lock (s_lock)
        {
            var isNew = s_users.TryAdd(folder, []);
            s_users[folder].Add(session);
            if (isNew)
            {
                Session.Start("ckpt-guardian", () => Run(folder));
            }
            Monitor.PulseAll(s_lock);
        }
    }

    /// <summary>A session left.</summary>
    public static void Leave(Session session)
    {
        lock (s_lock)
        {
            if (s_users.TryGetValue(session.Folder, out var sessions))
            {
                sessions.Remove(session);
            }
        }
    }

    private static void Run(RunFolder folder)
    {
        var said = "";
        while (true)
        {
            try
            {
                foreach (var session in Sessions(folder))
                {
                    session.MoveIfDisplaced();
                }
                MasterStarter.StartWhenGone(folder, () => !IsWatched(folder));
                said = "";
                Thread.Sleep((int)(MasterTries.Of(folder).Pause / 1_000_000));
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
    private static List<Session> Sessions(RunFolder folder)
    {
        lock (s_lock)
        {
            while (s_users[folder].Count == 0)
            {
                Monitor.Wait(s_lock);
            }
            return [.. s_users[folder]];
        }
    }

    private static bool IsWatched(RunFolder folder)
    {
        lock (s_lock)
        {
            return s_users[folder].Count > 0;
        }
    }
}
