using RmwCkpt.Registry;

namespace RmwCkpt.Master;

/// <summary>
/// What the process table of another domain says of a process that is at home there: a process with contexts in several
/// domains is snapshot and recovered by the master of one of them, and those of the others follow.
/// </summary>
internal readonly record struct Home(int Domain, ProcessState State, int Pid)
{
    /// <summary>It will be brought back there, or is alive.</summary>
    public bool IsKept => State is ProcessState.Live or ProcessState.Recovering;

    /// <summary>Null: it is at home here.</summary>
    public static Home? Of(Member member)
    {
        var process = member.Slot.AcquireUInt64(ProcessTable.HomeProcess);
        if (process == 0)
        {
            return null;
        }
        var domain = member.Slot.ReadUInt32(ProcessTable.HomeDomain) % 1000;
        var index = member.Slot.ReadUInt32(ProcessTable.HomeSlot) % ProcessTable.Slots;
        try
        {
            using var table = ProcessTable.Open(RunFolder.For((int)domain), make: false);
            var slot = table.Slot(index);
            var state = slot.AcquireUInt64(ProcessTable.ProcessId) == process
                ? (ProcessState)slot.AcquireUInt32(ProcessTable.State)
                : ProcessState.Free;
            return new Home((int)domain, state, (int)slot.AcquireUInt32(ProcessTable.Pid));
        }
        catch (IOException)
        {
            return new Home((int)domain, ProcessState.Free, 0);
        }
    }
}
