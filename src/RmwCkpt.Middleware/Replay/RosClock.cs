using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Replay;

/// <summary>
/// ROS time of this process. It is the host's time, less a lag that a recovery leaves: at the end of a replay the process
/// stands where it died, and its time runs on from there, as fast as its waits let it, until the lag is gone. So time never
/// jumps, never runs back, and a timer misses no tick. If the host's wall clock is set, ROS time is with it, as under other
/// middlewares; how far it is behind is then reckoned by CLOCK_MONOTONIC.
/// CLOCK_MONOTONIC of a process that CRIU restored is that of a time namespace; the offset takes it back to the host's.
/// Thread-safety: under the lock of <see cref="ReplayJournal"/>, except the reads marked free.
/// </summary>
/// <param name="read">The kernel's clocks, but in tests.</param>
public sealed class RosClock(Func<int, long> read)
{
    /// <summary>ns; shorter gaps between two reads lose no timer's tick.</summary>
    private const long ShortestFreeze = 1_000_000;

    /// <summary>ns by which threads, in a replay, may read a clock out of order.</summary>
    private const long OutOfOrder = 1_000_000_000;

    /// <summary>What the calling thread was told last, of each clock.</summary>
    [ThreadStatic]
    private static (long Real, long Steady) t_told;

    private readonly long[] _last = new long[2];

    /// <summary>What the kernel said at the last live read of each clock; 0: there was none in this life.</summary>
    private readonly long[] _read = new long[2];
    private long _lag;
    private long _skipped;
    private long _seen;
    private long _monotonicOffset = HostClock.ReadMonotonicOffset();

    public RosClock()
        : this(Posix.Now)
    {
    }

    /// <summary>How far ROS time is behind, ns; 0 when live. Free to read.</summary>
    public long Lag => -Volatile.Read(ref _lag);

    /// <summary>What was skipped of lags, in all, ns: so much faster than the host's has ROS time run. Free to read.</summary>
    public long Skipped => Volatile.Read(ref _skipped);

    public bool IsBehind => Volatile.Read(ref _lag) < 0;

    /// <summary>ROS time now, ns since the epoch, not journalled: for time stamps of frames. Free to read.</summary>
    public long Now => read(Posix.RealtimeClock) + Volatile.Read(ref _lag);

    /// <summary>The host's CLOCK_MONOTONIC, whichever time namespace this process was restored into. Free to read.</summary>
    public long Steady => read(Posix.MonotonicClock) + Volatile.Read(ref _monotonicOffset);

    /// <summary>How long ago a message was sent that has this time, ns. Free to read.</summary>
    public long Age(long time) => read(Posix.RealtimeClock) - time;

    /// <summary>How long to sleep until a ROS time, ns: -1, for ever, for <see cref="long.MaxValue"/>. Free to read.</summary>
    public long Until(long time) => time == long.MaxValue ? -1 : Math.Max(0, time - Now);

    /// <summary>The newest time that a journalled read of the clock gave.</summary>
    public long Last(int clock) => _last[clock];

    /// <summary>What a read of <paramref name="clock"/> gives when the kernel says <paramref name="real"/>.</summary>
    public long Translate(int clock, long real)
    {
        var time = RosTime(clock, real);
        if (time < _last[clock] && IsSetBack(clock))
        {
            _read[clock] = real;
            _seen = Math.Min(_seen, time);
            return _last[clock] = time;
        }
        // Another thread, which asked the kernel later, may have come first.
        _read[clock] = Math.Max(_read[clock], real);
        return _last[clock] = Math.Max(time, _last[clock]);
    }

    /// <summary>Whether the host's wall clock is now behind what was read of it.</summary>
    private bool IsSetBack(int clock) =>
        clock == Posix.RealtimeClock && RosTime(clock, read(clock)) < _last[clock];

    /// <summary>
    /// The process was frozen for a snapshot since the last read of a clock, of either, for at most
    /// <paramref name="longest"/> ns: time goes on from there, and what is missing is caught up with as after a recovery, so
    /// that no timer misses a tick.
    /// </summary>
    public void GoOnFrom(int clock, long real, long longest)
    {
        var gap = Math.Min(SinceRead(clock, real), SinceRead(1 - clock, read(1 - clock)));
        if (gap is > ShortestFreeze and < long.MaxValue)
        {
            // But never back before a message that it has taken.
            var room = Math.Max(0, Now - _seen);
            Volatile.Write(ref _lag, _lag - Math.Min(room, Math.Min(gap, longest)));
        }
    }

    /// <summary>A message was taken that was written at this time: the process has lived at least until then.</summary>
    public void Saw(long time) => _seen = Math.Max(_seen, time);

    /// <summary>
    /// A replayed read. Threads come to theirs in any order; what is much older says that the wall clock was set back then.
    /// </summary>
    public void Replay(int clock, long time) =>
        _last[clock] = time < _last[clock] && _last[clock] - time < OutOfOrder ? _last[clock] : time;

    /// <summary>
    /// A time that the calling thread is told in a replay: not before what it was told last, where it has got what another read.
    /// </summary>
    public static long NotBefore(int clock, long time)
    {
        var told = clock == Posix.MonotonicClock ? t_told.Steady : t_told.Real;
        return Note(clock, time < told && told - time < OutOfOrder ? told : time);
    }

    /// <summary>The calling thread was told no time yet.</summary>
    internal static void Forget() => t_told = default;

    /// <summary>The calling thread is told a time.</summary>
    public static long Note(int clock, long time) =>
        clock == Posix.MonotonicClock ? t_told.Steady = time : t_told.Real = time;

    /// <summary>A new life began in this memory: the time namespace may be another.</summary>
    public void BeginLife()
    {
        _monotonicOffset = HostClock.ReadMonotonicOffset();
        _read.AsSpan().Clear();
    }

    /// <summary>
    /// The replay is over: time goes on from its last read. Of what tells when that was the latest counts; what is to come
    /// yet says that the wall clock was set back meanwhile.
    /// </summary>
    public void EndReplay()
    {
        var wall = read(Posix.RealtimeClock);
        var lag = long.MinValue;
        foreach (var behind in (ReadOnlySpan<long>)[
            Behind(_last[Posix.RealtimeClock], wall), Behind(_seen, wall), Behind(_last[Posix.MonotonicClock], Steady)])
        {
            lag = behind <= 0 ? Math.Max(lag, behind) : lag;
        }
        Volatile.Write(ref _lag, lag == long.MinValue ? 0 : lag);
    }

    /// <summary>A time as seen from now; later than now where there is none.</summary>
    private static long Behind(long time, long now) => time == 0 ? long.MaxValue : time - now;

    /// <summary>Skips <paramref name="time"/> ns of the lag, at most all of it.</summary>
    public void Skip(long time)
    {
        var step = Math.Min(time, -_lag);
        Volatile.Write(ref _lag, _lag + step);
        Volatile.Write(ref _skipped, _skipped + step);
        for (var clock = 0; clock < _last.Length; clock++)
        {
            _last[clock] += _last[clock] != 0 ? step : 0;
        }
    }

    private long SinceRead(int clock, long real) => _read[clock] == 0 ? long.MaxValue : real - _read[clock];

    private long RosTime(int clock, long real) => real + _lag + (clock == Posix.MonotonicClock ? _monotonicOffset : 0);
}
