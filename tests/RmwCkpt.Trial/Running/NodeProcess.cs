using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Trial.Running;

/// <summary>One of the three nodes, through all of its incarnations.</summary>
public sealed class NodeProcess(Victim role, int firstPid, WitnessTail witness, string output)
{
    private Region _slot;

    public Victim Role => role;

    public WitnessTail Witness => witness;

    /// <summary>File of what it says on stdout and stderr.</summary>
    public string Output => output;

    /// <summary>Its slot of the process table; empty before it has joined and under other middlewares.</summary>
    public Region Slot => _slot;

    public int Pid => _slot.IsEmpty ? firstPid : (int)_slot.AcquireUInt32(ProcessTable.Pid);

    public ProcessState State => _slot.IsEmpty ? ProcessState.Live : (ProcessState)_slot.AcquireUInt32(ProcessTable.State);

    public ProcessMode Mode => _slot.IsEmpty ? ProcessMode.Live : (ProcessMode)_slot.AcquireUInt32(ProcessTable.Mode);

    public uint Incarnation => _slot.IsEmpty ? 1 : _slot.AcquireUInt32(ProcessTable.Incarnation);

    /// <summary>A snapshot freezes it, or it has not caught up yet with the time of one: on a busy machine that takes a while.</summary>
    public bool IsHeldBack =>
        !_slot.IsEmpty && (_slot.AcquireUInt32(ProcessTable.Freezing) != 0 || Mode == ProcessMode.CatchUp);

    /// <summary>Counts over all incarnations.</summary>
    public ReplayCounts Counts => _slot.IsEmpty
        ? default
        : new ReplayCounts(
            _slot.AcquireInt64(ProcessTable.Replayed), _slot.AcquireInt64(ProcessTable.Suppressed),
            _slot.AcquireInt64(ProcessTable.Divergences), _slot.AcquireInt64(ProcessTable.Lost));

    /// <summary>When it last went live after a recovery (real time, ns).</summary>
    public long LiveAt => _slot.IsEmpty ? 0 : _slot.AcquireInt64(ProcessTable.LiveAt);

    /// <summary>Looks for its slot; true once it has one.</summary>
    public bool FindSlot(ProcessTable table)
    {
        for (var i = 0u; i < ProcessTable.Slots; i++)
        {
            var slot = table.Slot(i);
            if (slot.AcquireUInt32(ProcessTable.Pid) == firstPid
                && slot.AcquireUInt32(ProcessTable.State) == (uint)ProcessState.Live)
            {
                _slot = slot;
                return true;
            }
        }
        return false;
    }
}

/// <summary>What a process' slot counts, or the difference of two such.</summary>
public readonly record struct ReplayCounts(long Replayed, long Suppressed, long Divergences, long Lost)
{
    public ReplayCounts Since(ReplayCounts before) => new(
        Replayed - before.Replayed, Suppressed - before.Suppressed, Divergences - before.Divergences, Lost - before.Lost);
}
