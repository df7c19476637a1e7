using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Hosting;

/// <summary>
/// Whether a domain's masters were looking: each marks the time in the process table now and then. Where there was no mark for
/// long (no master, one that was stopped, a host that was suspended) the age of what is found then is not known, and what is
/// that old is not replayed unasked. Thread-safe.
/// </summary>
internal sealed class Attendance : IDisposable
{
    /// <summary>A death that may be older is reported, and not recovered unasked.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    /// <summary>How long after an absence what is found may have happened in it.</summary>
    private static readonly TimeSpan s_settling = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(5);
    private readonly object _gate = new();
    private readonly Region _domain;
    private readonly Func<long> _clock;
    private readonly Timer _timer;
    private long _backAt = long.MinValue / 2;
    private TimeSpan _absence;
    private bool _isOver;

    /// <param name="domain">Slot 0 of the process table.</param>
    /// <param name="clock">CLOCK_BOOTTIME, which goes on while the host is suspended, ns.</param>
    public Attendance(Region domain, Func<long> clock)
    {
        (_domain, _clock) = (domain, clock);
        _timer = new Timer(_ => Mark(), null, Timeout.Infinite, Timeout.Infinite);
    }

    /// <summary>How long ago the last mark was; zero: there is none.</summary>
    public TimeSpan SinceMark => Since(_clock()) ?? TimeSpan.Zero;

    /// <summary>Marks the time from now on.</summary>
    public void Start()
    {
        Mark();
        _timer.Change(s_interval, s_interval);
    }

    public void Mark()
    {
        lock (_gate)
        {
            if (_isOver)
            {
                return;
            }
            var now = _clock();
            if (Since(now) is { } absence && absence > Limit)
            {
                (_backAt, _absence) = (now, absence);
            }
            _domain.Release(ProcessTable.LookedAt, now);
        }
    }

    /// <summary>How long nobody had looked, if what is found now may be as old as that and that is too old; else null.</summary>
    public TimeSpan? Absence()
    {
        lock (_gate)
        {
            var now = _clock();
            return Since(now) is { } absence && absence > Limit ? absence
                : now - _backAt < s_settling.Ticks * 100 ? _absence
                : null;
        }
    }

    /// <summary>From here on the table is not touched, also not by a mark that is just due.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = true;
        }
        _timer.Dispose();
    }

    private TimeSpan? Since(long now) =>
        _domain.AcquireInt64(ProcessTable.LookedAt) is not 0 and var last ? TimeSpan.FromTicks((now - last) / 100) : null;
}
