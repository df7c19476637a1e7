namespace RmwCkpt.Middleware;

/// <summary>
/// Which of this process' sessions is the home of the others (<see cref="Session.Home"/>): the first that is in use.
/// Thread-safe.
/// </summary>
internal static class Homes
{
    private static readonly object s_lock = new();
    private static readonly List<Session> s_inUse = [];

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

    private static void Tell()
    {
        for (var i = 0; i < s_inUse.Count; i++)
        {
            // The home itself first: no two are ever each other's guests.
            s_inUse[i].BeGuestOf(i == 0 ? null : s_inUse[0]);
        }
    }
}
