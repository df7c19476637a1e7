namespace RmwCkpt.Middleware.Entities;

/// <summary>
/// Counts the periods in which an endpoint should have sent or received a message and did not (DDS 1.4, 2.2.3.7): it
/// begins with the first message. Times are ROS time, ns. Thread-safe.
/// </summary>
public sealed class Deadline(long period)
{
    private readonly object _lock = new();
    private long _due = long.MaxValue;
    private long _missed;

    /// <summary>A message was sent or taken, with this time.</summary>
    public void Happened(long time)
    {
        lock (_lock)
        {
            Count(time);
            Extend(time);
        }
    }

    /// <summary>Periods missed up to a time. <paramref name="newest"/>: when the newest message was sent, taken or not; or 0.</summary>
    public long Missed(long time, long newest)
    {
        lock (_lock)
        {
            if (newest != 0)
            {
                Extend(newest);
            }
            Count(time);
            return _missed;
        }
    }

    /// <summary>When the next period ends, or <see cref="long.MaxValue"/>.</summary>
    public long NextDue
    {
        get
        {
            lock (_lock)
            {
                return _due;
            }
        }
    }

    private void Extend(long time) => _due = _due == long.MaxValue ? time + period : Math.Max(_due, time + period);

    private void Count(long time)
    {
        if (time >= _due)
        {
            var periods = 1 + ((time - _due) / period);
            _missed += periods;
            _due += periods * period;
        }
    }
}
