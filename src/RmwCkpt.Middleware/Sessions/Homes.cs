using RmwCkpt.Domain;

namespace RmwCkpt.Middleware.Sessions;

/// <summary>
/// Which of this process' sessions is the home of the others (<see cref="Session.Home"/>): the first that is in use.
/// Thread-safe.
/// </summary>
internal static class Homes
{
    private static readonly object s_lock = new();
    private static readonly List<Session> s_inUse = [];
    private static bool s_lends;

    /// <summary>What a session that joins now is to be a guest of.</summary>
    public static Session? Current
    {
        get
        {
            lock (s_lock)
            {
                return s_inUse.FirstOrDefault();
            }
        }
    }

    /// <summary>A session has joined, or is in use again.</summary>
    public static void Enter(Session session)
    {
        lock (s_lock)
        {
            s_inUse.Add(session);
            if (s_lends)
            {
                session.BeginLending();
            }
            Tell();
        }
    }

    /// <summary>A session is not in use any more; its slot says so already, so that at no time there are two homes.</summary>
    public static void Leave(Session session)
    {
        lock (s_lock)
        {
            s_inUse.Remove(session);
            Tell();
            session.BeGuestOf(null);
        }
    }

    /// <summary>This process lends messages in its logs' files from now on: all masters that may take a snapshot of it are to know.</summary>
    public static void BeginLending()
    {
        lock (s_lock)
        {
            s_lends = true;
            foreach (var session in s_inUse)
            {
                session.BeginLending();
            }
        }
    }

    /// <summary>Whether a snapshot of this process is being taken. Allocates nothing.</summary>
    public static bool AreFreezing
    {
        get
        {
            // Who says before that it lends is asked, or sees this.
            Interlocked.MemoryBarrier();
            lock (s_lock)
            {
                for (var i = 0; i < s_inUse.Count; i++)
                {
                    if (s_inUse[i].Slot.AcquireUInt32(ProcessTable.Freezing) != 0)
                    {
                        return true;
                    }
                }
                return false;
            }
        }
    }

    private static void Tell()
    {
        for (var i = 0; i < s_inUse.Count; i++)
        {
            // The home itself first: no two are ever each other's guests.
            s_inUse[i].BeGuestOf(i == 0 ? null : s_inUse[0]);
        }
    }
}
