using RmwCkpt.Domain;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Processes;

/// <summary>
/// Which of this process' sessions is the home of the others (<see cref="Session.Home"/>): the first that is in use.
/// Thread-safe.
/// </summary>
internal sealed class Homes
{
    private readonly object _lock = new();
    private readonly List<Session> _inUse = [];
    private bool _lends;

    /// <summary>What a session that joins now is to be a guest of.</summary>
    public Session? Current
    {
        get
        {
            lock (_lock)
            {
                return _inUse.FirstOrDefault();
            }
        }
    }

    /// <summary>A session has joined, or is in use again.</summary>
    public void Enter(Session session)
    {
        lock (_lock)
        {
            _inUse.Add(session);
            if (_lends)
            {
                session.ProcessSlot.BeginLending();
            }
            Tell();
        }
    }

    /// <summary>A session is not in use any more; its slot says so already, so that at no time there are two homes.</summary>
    public void Leave(Session session)
    {
        lock (_lock)
        {
            _inUse.Remove(session);
            Tell();
            session.ProcessSlot.BeGuestOf(null);
        }
    }

    /// <summary>This process lends messages in its logs' files from now on: all masters that may take a snapshot of it are to know.</summary>
    public void BeginLending()
    {
        lock (_lock)
        {
            _lends = true;
            foreach (var session in _inUse)
            {
                session.ProcessSlot.BeginLending();
            }
        }
    }

    /// <summary>Whether a snapshot of this process is being taken. Allocates nothing.</summary>
    public bool AreFreezing
    {
        get
        {
            // Who says before that it lends is asked, or sees this.
            Interlocked.MemoryBarrier();
            lock (_lock)
            {
                for (var i = 0; i < _inUse.Count; i++)
                {
                    if (_inUse[i].Slot.AcquireUInt32(ProcessTable.Freezing) != 0)
                    {
                        return true;
                    }
                }
                return false;
            }
        }
    }

    private void Tell()
    {
        for (var i = 0; i < _inUse.Count; i++)
        {
            // The home itself first: no two are ever each other's guests.
            _inUse[i].ProcessSlot.BeGuestOf(i == 0 ? null : _inUse[0]);
        }
    }
}
