using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Messages;

namespace RmwCkpt.Middleware.Sessions;

/// <summary>A session of a process that is in several domains.</summary>
public sealed partial class Session
{
    private bool _hasGuests;

    /// <summary>
    /// The session of this process in the domain whose master takes its snapshots and recovers it; null: this one. A process
    /// cannot be brought back twice.
    /// </summary>
    public Session? Home { get; private set; }

    /// <summary>Sets <see cref="Home"/>, for the master to see.</summary>
    internal void BeGuestOf(Session? home)
    {
        if (home is not null)
        {
            home._hasGuests = true;
        }
        lock (Determinants.Gate)
        {
            Home = home;
            Determinants.HomeSlot = home?.Slot ?? default;
            if (!OwnsSlot)
            {
                return;
            }
            Slot.Write(ProcessTable.HomeDomain, (uint)(home?.Folder.Domain ?? 0));
            Slot.Write(ProcessTable.HomeSlot, home?.SlotIndex ?? 0);
            // Last: who finds it finds the others.
            Slot.Release(ProcessTable.HomeProcess, home?.ProcessId ?? 0);
        }
    }

    /// <summary>Says to the master that this process lends messages in its logs' files.</summary>
    internal void BeginLending()
    {
        if (OwnsSlot)
        {
            Slot.CompareExchange(ProcessTable.Lending, (int)LendingState.None, (int)LendingState.Shared);
        }
    }

    /// <summary>Answers the master that is about to take a snapshot.</summary>
    private void DetachIfAsked()
    {
        // An answer is only to what was asked before it began.
        while (OwnsSlot && Slot.CompareExchange(ProcessTable.Lending, (int)LendingState.Asked, (int)LendingState.Shared))
        {
            try
            {
                Lenders.Detach();
            }
            catch (PosixException e)
            {
                Report.Error($"no snapshot can be taken, for what is lent cannot be made this process' own: {e.Message}");
                return;
            }
            Slot.CompareExchange(ProcessTable.Lending, (int)LendingState.Shared, (int)LendingState.Detached);
        }
    }

    /// <summary>False in a process that is rolled back to before it left this domain, and whose slot is another's by now.</summary>
    private bool OwnsSlot => Slot.AcquireUInt64(ProcessTable.ProcessId) == ProcessId;
}
