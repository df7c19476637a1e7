using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Master.Snapshots;

/// <summary>How often snapshots are taken. Arithmetic only.</summary>
internal static class SnapshotTiming
{
    private const long Usual = 10 * Clock.Second;

    /// <summary>How many times as long as a snapshot took a process runs before the next one, unless its interval was asked for.</summary>
    public const int RunsFor = 100;

    /// <summary>Whether no interval was asked for.</summary>
    public static bool IsAuto(Policy policy) => policy is not { HasInterval: true, Interval: >= 0 };

    /// <summary>Time between two snapshots of a process, ns; zero: only by hand.</summary>
    /// <param name="frozen">How long the last one stopped it, ns.</param>
    public static long Interval(Policy policy, long frozen) =>
        IsAuto(policy) ? Math.Max(Usual, RunsFor * frozen) : (long)(policy.Interval * Clock.Second);

    /// <summary>How long after a snapshot the next one is at the earliest, whatever makes it due before its time, ns.</summary>
    public static long Pause(Policy policy, long frozen) => Math.Min(RunsFor * frozen, Interval(policy, frozen));

    /// <summary>Which part of the time snapshots stop a process, above a hundredth; else 0.</summary>
    public static double PartFrozen(Policy policy, long frozen)
    {
        var interval = Interval(policy, frozen);
        return interval > 0 && RunsFor * frozen > interval ? (double)frozen / interval : 0;
    }

    /// <summary>From which time on, ns since the epoch, frames may be read again by a process that is rolled back.</summary>
    /// <param name="oldest">When its oldest kept snapshot was taken.</param>
    public static long NeededSince(Policy policy, long frozen, long oldest, long now) =>
        Math.Max(oldest, now - (2 * Interval(policy, frozen)) - (60 * Clock.Second));
}
