using RmwCkpt.Memory;

namespace RmwCkpt.Master;

/// <summary>The two clocks, in nanoseconds.</summary>
internal static class Clock
{
    public const long Millisecond = 1_000_000;
    public const long Second = 1_000_000_000;

    /// <summary>Since the epoch: what is told to others.</summary>
    public static long Real => Posix.Now(Posix.RealtimeClock);

    /// <summary>Monotonic: what is waited for.</summary>
    public static long Steady => Posix.Now(Posix.MonotonicClock);
}
