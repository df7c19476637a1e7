using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Master.Snapshots;

/// <summary>
/// What a recovery of a process would have to do again, by the processor time that it has used since its newest snapshot, against
/// what it may (RMW_CKPT_GOAL). So busy processes have more snapshots than idle ones; but what these cost stays below a hundredth.
/// Of the scheduler's thread, and of the one that takes the snapshot, never at once.
/// </summary>
/// <param name="read">Processor time of a process, ns.</param>
internal sealed class RecoveryGoal(Func<int, long> read)
{
    /// <summary>Unless it is set, ns.</summary>
    private const long Usual = Clock.Second / 5;

    private int _pid;
    private long _before;
    private long _notBefore;

    /// <summary>A snapshot was taken.</summary>
    /// <param name="cost">How long that took in all, ns.</param>
    /// <param name="now">CLOCK_MONOTONIC, ns.</param>
    public void Begin(int pid, long cost, long now) => (_pid, _before, _notBefore) = (pid, read(pid), now + (SnapshotTiming.RunsFor * cost));

    /// <summary>Whether its next snapshot is due for that; only where no interval was asked for.</summary>
    public bool IsMissed(Policy policy, int pid, long now)
    {
        if (_pid == 0 || now < _notBefore || !SnapshotTiming.IsAuto(policy))
        {
            return false;
        }
        // A restored one begins anew, and has all that to do again which it did since.
        (_pid, _before) = (pid, pid == _pid ? _before : 0);
        // The next look is not before it can be: each one reads a file.
        var left = (policy.HasGoal ? (long)(policy.Goal * Clock.Second) : Usual) - (read(pid) - _before);
        _notBefore = now + Math.Clamp(left, 0, Clock.Second);
        return left < 0;
    }
}
