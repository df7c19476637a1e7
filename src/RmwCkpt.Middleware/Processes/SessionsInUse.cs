using RmwCkpt.Domain;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Processes;

/// <summary>
/// This process' sessions that are in use; the first of them is the primary one (<see cref="Session.Primary"/>). Thread-safe.
/// </summary>
internal sealed class SessionsInUse
{
    private readonly object _lock = new();
    private readonly List<Session> _inUse = [];
    private bool _lends;

    /// <summary>The primary one; null: none is in use.</summary>
    public Session? Primary
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

    /// <summary>A session is not in use any more; its slot says so already, so that at no time two are primary.</summary>
    public void Leave(Session session)
    {
        lock (_lock)
        {
            _inUse.Remove(session);
            Tell();
            session.ProcessSlot.SetPrimary(null);
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
            // The primary one itself first: no two ever name each other.
            _inUse[i].ProcessSlot.SetPrimary(i == 0 ? null : _inUse[0]);
        }
    }
}
