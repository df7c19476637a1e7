using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Middleware.Sessions;

/// <summary>How a session ends: nobody uses it any more; then nothing of it is mapped any more.</summary>
public sealed partial class Session
{
    /// <summary>Held while what is mapped goes elsewhere (<see cref="MoveIfDisplaced"/>), and by who says that it stays.</summary>
    private readonly object _moving = new();

    /// <summary>It is being released, and goes nowhere any more. Under <see cref="_moving"/>.</summary>
    private bool _stays;
    private volatile bool _released;

    /// <summary>It has nothing mapped any more.</summary>
    public bool IsReleased => _released;

    /// <summary>
    /// Nobody uses it any more, until somebody joins again: the end of this process is no death. Its entities stay, and do
    /// what they did, until they are destroyed: programs take theirs down after they have shut down.
    /// </summary>
    public void ShutDown()
    {
        MarkLeft();
        Homes.Leave(this);
        BeginWakes();
    }

    /// <summary>Takes <see cref="ShutDown"/> back.</summary>
    public void Rejoin()
    {
        _unregisterFailed = false;
        // In this order: no master takes a snapshot of it that it would not see.
        Homes.Enter(this);
        if (OwnsSlot)
        {
            Slot.Release(ProcessTable.State, (uint)ProcessState.Live);
        }
    }

    /// <summary>Tells the master that this process has left: its rows in the graph go, its slot may be another's.</summary>
    private void Leave()
    {
        try
        {
            _registry.Call(new Request { Leave = new Leave { Process = ProcessId } }, s_leaveTimeout);
        }
        catch (RegistryException)
        {
            // The mark in the slot says the same when the process ends.
        }
    }

    /// <summary>
    /// Leaves, closes what was not destroyed, and unmaps all that was mapped. Nothing may be asked of it any more.
    /// </summary>
    public void Release()
    {
        Guardian.Leave(this);
        var isStill = Stay();
        Homes.Leave(this);
        foreach (var entity in Volatile.Read(ref _entities))
        {
            if (entity is not null)
            {
                Withdraw(entity);
                entity.Close();
            }
        }
        _released = true;
        RingSelf();
        Table.Notify(SlotIndex);
        // The threads end at once. One that does not keeps what it looks at, and its slot until this process ends.
        if (isStill && _monitor?.Join(s_registryTimeout) != false && Callbacks.Join(s_registryTimeout))
        {
            Leave();
            Determinants.Dispose();
            _graph.Dispose();
            if (!_hasGuests)
            {
                // A thread of a guest's may be looking at it still.
                Table.Dispose();
            }
        }
    }

    /// <summary>
    /// From here on it is not made again elsewhere. False: it is right now, by the guardian, and that lasts: then all is to
    /// stay mapped.
    /// </summary>
    private bool Stay()
    {
        if (!Monitor.TryEnter(_moving, s_registryTimeout))
        {
            return false;
        }
        _stays = true;
        Monitor.Exit(_moving);
        return true;
    }

    /// <summary>This process' exit handlers run. One that has shut down has left; of others their exit status is looked at.</summary>
    public void MarkExiting()
    {
        if (OwnsSlot)
        {
            Slot.CompareExchange(ProcessTable.State, (int)ProcessState.Live, (int)ProcessState.Exiting);
        }
    }

    private void MarkLeft()
    {
        if (OwnsSlot)
        {
            Slot.Release(ProcessTable.State, (uint)ProcessState.Left);
        }
    }
}
