using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Registry;

/// <summary>The primary domain of a process in several, and what it is there.</summary>
internal readonly record struct PrimaryAddress(int Domain, uint Slot, ulong Process)
{
    /// <summary>Null: this one is its primary domain.</summary>
    public static PrimaryAddress? Of(Member member) =>
        member.Slot.AcquireUInt64(ProcessTable.PrimaryProcess) is not 0 and var process
            ? new PrimaryAddress(
                (int)(member.Slot.ReadUInt32(ProcessTable.PrimaryDomain) & int.MaxValue),
                member.Slot.ReadUInt32(ProcessTable.PrimarySlot) % ProcessTable.Slots, process)
            : null;

    /// <summary>What that domain's process table says now.</summary>
    public PrimaryStatus Look()
    {
        try
        {
            using var folder = RunFolder.For(Domain);
            using var table = ProcessTable.Open(folder, make: false);
            var slot = table.Slot(Slot);
            return slot.AcquireUInt64(ProcessTable.ProcessId) != Process
                ? new PrimaryStatus(Domain, ProcessState.Free, 0, 0)
                : new PrimaryStatus(
                    Domain, (ProcessState)slot.AcquireUInt32(ProcessTable.State), (int)slot.AcquireUInt32(ProcessTable.Pid),
                    slot.AcquireUInt32(ProcessTable.Snapshots));
        }
        catch (PosixException e) when (e.Errno == Posix.Enoent)
        {
            return new PrimaryStatus(Domain, ProcessState.Free, 0, 0);
        }
        catch (IOException)
        {
            // Not known, as without descriptors: better to wait than to bring it back a second time.
            return new PrimaryStatus(Domain, ProcessState.Recovering, 0, 0);
        }
    }

    /// <summary>Starts a master there if there is none: its last client may have died with it.</summary>
    public void SeeToMaster()
    {
        // Tests have masters in their own process.
        if (Path.GetFileName(Environment.ProcessPath) != "rmw_ckpt")
        {
            return;
        }
        try
        {
            using var folder = RunFolder.For(Domain);
            MasterProcess.Start(folder, wait: false, () => Environment.ProcessPath);
        }
        catch (IOException)
        {
            // Its folder is gone, which the next look sees.
        }
    }
}

/// <summary>
/// What the process table of another domain says of a process whose primary domain that is: a process with contexts in several
/// domains is snapshot and recovered by the master of one of them, and those of the others follow.
/// </summary>
/// <param name="Snapshots">The number of its newest snapshot.</param>
internal readonly record struct PrimaryStatus(int Domain, ProcessState State, int Pid, uint Snapshots)
{
    /// <summary>It will be brought back there, or is alive.</summary>
    public bool IsLiveOrRecovering => State is ProcessState.Live or ProcessState.Recovering;

    /// <summary>That domain knows of it: what becomes of it is decided there.</summary>
    public bool Decides => State != ProcessState.Free;

    /// <summary>Null: this one is its primary domain.</summary>
    public static PrimaryStatus? Of(Member member) => PrimaryAddress.Of(member)?.Look();
}
