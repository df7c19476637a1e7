using RmwCkpt.Memory;

namespace RmwCkpt.Master;

/// <summary>The clocks, in nanoseconds.</summary>
internal static class Clock
{
    public const long Millisecond = 1_000_000;
    public const long Second = 1_000_000_000;

    private static readonly long s_offset = HostClock.ReadMonotonicOffset();

    /// <summary>Since the epoch: what is told to others.</summary>
    public static long Real => Posix.Now(Posix.RealtimeClock);

    /// <summary>Monotonic, and goes on while the host is suspended: how old things are.</summary>
    public static long Boot => Posix.Now(Posix.BootClock);

    /// <summary>The host's CLOCK_MONOTONIC: what is waited for, and how long something took.</summary>
    public static long Steady => Posix.Now(Posix.MonotonicClock) + s_offset;
}
