using RmwCkpt.Memory;

namespace RmwCkpt.Middleware;

/// <summary>
/// ROS time of this process. It is the host's time, less a lag that a recovery leaves: at the end of a replay the process
/// stands where it died, and its time runs on from there, as fast as its waits let it, until the lag is gone. So time never
/// jumps, never runs back, and a timer misses no tick.
/// CLOCK_MONOTONIC of a process that CRIU restored is that of a time namespace; the offset takes it back to the host's.
/// Thread-safety: under the lock of <see cref="Determinants"/>, except the reads marked free.
/// </summary>
public sealed class RosClock
{
    /// <summary>ns; shorter gaps between two reads lose no timer's tick.</summary>
    private const long ShortestFreeze = 1_000_000;

    private readonly long[] _last = new long[2];

    /// <summary>What the kernel said at the last live read of each clock; 0: there was none in this life.</summary>
    private readonly long[] _read = new long[2];
    private long _lag;
    private long _skipped;
    private long _seen;
    private long _monotonicOffset = ReadMonotonicOffset();

    /// <summary>How far ROS time is behind, ns; 0 when live. Free to read.</summary>
    public long Lag => -Volatile.Read(ref _lag);

    /// <summary>What was skipped of lags, in all, ns: so much faster than the host's has ROS time run. Free to read.</summary>
    public long Skipped => Volatile.Read(ref _skipped);

    public bool IsBehind => Volatile.Read(ref _lag) < 0;

    /// <summary>ROS time now, ns since the epoch, not journalled: for time stamps of frames. Free to read.</summary>
    public long Now => Posix.Now(Posix.RealtimeClock) + Volatile.Read(ref _lag);

    /// <summary>How long to sleep until a ROS time, ns: -1, for ever, for <see cref="long.MaxValue"/>. Free to read.</summary>
    public long Until(long time) => time == long.MaxValue ? -1 : Math.Max(0, time - Now);

    /// <summary>The newest time that a journalled read of the clock gave.</summary>
    public long Last(int clock) => _last[clock];

    /// <summary>What a read of <paramref name="clock"/> gives when the kernel says <paramref name="real"/>.</summary>
    public long Translate(int clock, long real)
    {
        _read[clock] = real;
        return _last[clock] = Math.Max(RosTime(clock, real), _last[clock]);
    }

    /// <summary>
    /// The process was frozen for a snapshot since the last read of a clock, of either, for at most
    /// <paramref name="longest"/> ns: time goes on from there, and what is missing is caught up with as after a recovery, so
    /// that no timer misses a tick.
    /// </summary>
    public void GoOnFrom(int clock, long real, long longest)
    {
        var gap = Math.Min(SinceRead(clock, real), SinceRead(1 - clock, Posix.Now(1 - clock)));
        if (gap is > ShortestFreeze and < long.MaxValue)
        {
            // But never back before a message that it has taken.
            var room = Math.Max(0, Now - _seen);
            Volatile.Write(ref _lag, _lag - Math.Min(room, Math.Min(gap, longest)));
        }
    }

    /// <summary>A message was taken that was written at this time: the process has lived at least until then.</summary>
    public void Saw(long time) => _seen = Math.Max(_seen, time);

    /// <summary>A replayed read.</summary>
    public void Replay(int clock, long time) => _last[clock] = time;

    /// <summary>A new life began in this memory: the time namespace may be another.</summary>
    public void BeginLife()
    {
        _monotonicOffset = ReadMonotonicOffset();
        _read.AsSpan().Clear();
    }

    /// <summary>The replay is over: time goes on from its last read.</summary>
    public void EndReplay()
    {
        var last = Math.Max(_last[Posix.RealtimeClock], _seen);
        var mono = _last[Posix.MonotonicClock];
        var lag = 0L;
        if (last != 0)
        {
            lag = last - Posix.Now(Posix.RealtimeClock);
        }
        if (mono != 0)
        {
            // Whichever clock was read last stands nearer to the death.
            var byMonotonic = mono - (Posix.Now(Posix.MonotonicClock) + _monotonicOffset);
            lag = last == 0 ? byMonotonic : Math.Max(lag, byMonotonic);
        }
        Volatile.Write(ref _lag, Math.Min(0, lag));
    }

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

    private static long ReadMonotonicOffset()
    {
        try
        {
            foreach (var line in File.ReadLines("/proc/self/timens_offsets"))
            {
                var fields = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
                if (fields is ["monotonic", var seconds, var nanoseconds])
                {
                    return -((long.Parse(seconds) * 1_000_000_000) + long.Parse(nanoseconds));
                }
            }
        }
        catch (IOException)
        {
            // No time namespaces in this kernel.
        }
        return 0;
    }
}
