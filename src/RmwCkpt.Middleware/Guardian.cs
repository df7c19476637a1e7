using RmwCkpt.Registry;

namespace RmwCkpt.Middleware;

/// <summary>
/// Watches the masters of the domains that this process is in: one thread each, for good, blocked in flock(2) on the lock
/// that the master holds. To get the lock means that the master is dead, and that this process is to start the next.
/// </summary>
public static class Guardian
{
    private static readonly object s_lock = new();
    private static readonly Dictionary<RunFolder, int> s_users = [];

    /// <summary>A session joined: from now on its domain has a master.</summary>
    public static void Watch(RunFolder folder)
    {
        lock (s_lock)
        {
            var isNew = s_users.TryAdd(folder, 0);
            s_users[folder]++;
            if (isNew)
            {
                Session.Start("ckpt-guardian", () => Run(folder));
            }
            Monitor.PulseAll(s_lock);
        }
    }

    /// <summary>A session left.</summary>
    public static void Leave(RunFolder folder)
    {
        lock (s_lock)
        {
            s_users[folder]--;
        }
    }

    private static void Run(RunFolder folder)
    {
        while (true)
        {
            lock (s_lock)
            {
                while (s_users[folder] == 0)
                {
                    Monitor.Wait(s_lock);
                }
            }
            try
            {
                MasterStarter.StartWhenGone(folder, () => !IsWatched(folder));
            }
            catch (IOException e)
            {
                Report.Error($"watching the master: {e.Message}");
                Thread.Sleep(1000);
            }
        }
    }

    private static bool IsWatched(RunFolder folder)
    {
        lock (s_lock)
        {
            return s_users[folder] > 0;
        }
    }
}
