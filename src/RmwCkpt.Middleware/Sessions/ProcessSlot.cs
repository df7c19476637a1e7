using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Sessions;

/// <summary>
/// What a session says in its slot of the process table, for masters to see: whether it lives, which domain is the primary one,
/// what it lends.
/// </summary>
internal sealed class ProcessSlot(Session session)
{
    private Region Slot => session.Slot;

    /// <summary>See <see cref="Session.Primary"/>.</summary>
    public Session? Primary { get; private set; }

    /// <summary>Another session of this process names, or named, this one as primary.</summary>
    public bool HasSecondaries { get; private set; }

    /// <summary>False in a process that is rolled back to before it left this domain, and whose slot is another's by now.</summary>
    public bool IsOwned => Slot.AcquireUInt64(ProcessTable.ProcessId) == session.ProcessId;

    public bool IsLeaving => Slot.AcquireUInt32(ProcessTable.State) == (uint)ProcessState.Exited;

    public void MarkExited() => Mark(ProcessState.Exited);

    /// <summary>Takes <see cref="MarkExited"/> back.</summary>
    public void MarkLive() => Mark(ProcessState.Live);

    /// <summary>This process' exit handlers run. One that has shut down has left; of others their exit status is looked at.</summary>
    public void MarkExiting()
    {
        if (IsOwned)
        {
            Slot.CompareExchange(ProcessTable.State, (int)ProcessState.Live, (int)ProcessState.Exiting);
        }
    }

    /// <summary>Sets <see cref="Primary"/>, for the master to see.</summary>
    public void SetPrimary(Session? primary)
    {
        if (primary is not null)
        {
            primary.ProcessSlot.HasSecondaries = true;
        }
        lock (session.ReplayJournal.Gate)
        {
            Primary = primary;
            session.ReplayJournal.PrimarySlot = primary?.Slot ?? default;
            if (!IsOwned)
            {
                return;
            }
            Slot.Write(ProcessTable.PrimaryDomain, (uint)(primary?.Folder.Domain ?? 0));
            Slot.Write(ProcessTable.PrimarySlot, primary?.SlotIndex ?? 0);
            // Last: who finds it finds the others.
            Slot.Release(ProcessTable.PrimaryProcess, primary?.ProcessId ?? 0);
        }
    }

    /// <summary>Says to the master that this process lends messages in its logs' files.</summary>
    public void BeginLending()
    {
        if (IsOwned)
        {
            Slot.CompareExchange(ProcessTable.Lending, (int)LendingState.None, (int)LendingState.Shared);
        }
    }

    /// <summary>Answers the master that is about to take a snapshot.</summary>
    public void DetachIfAsked()
    {
        // An answer is only to what was asked before it began.
        while (IsOwned && Slot.CompareExchange(ProcessTable.Lending, (int)LendingState.Asked, (int)LendingState.Shared))
        {
            try
            {
                session.Process.Lenders.Detach();
            }
            catch (PosixException e)
            {
                Report.Error($"no snapshot can be taken, for what is lent cannot be made this process' own: {e.Message}");
                return;
            }
            Slot.CompareExchange(ProcessTable.Lending, (int)LendingState.Shared, (int)LendingState.Detached);
        }
    }

    private void Mark(ProcessState state)
    {
        if (IsOwned)
        {
            Slot.Release(ProcessTable.State, (uint)state);
        }
    }
}
