using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Graph;

/// <summary>
/// When guard conditions are triggered after a shutdown: executors then look at their context, which rcl marks after
/// rmw_shutdown only. One that was woken before, and waits again, would wait for ever. Thread-safe.
/// </summary>
internal sealed class ShutdownWakes
{
    /// <summary>How long after a shutdown, ns; more than once, for a busy machine may not let the one who marks it run.</summary>
    private static readonly long[] s_after = [10_000_000, 100_000_000, 1_000_000_000];

    private readonly object _lock = new();
    private int _done = s_after.Length;
    private long _shutDownAt;

    public void Begin()
    {
        lock (_lock)
        {
            (_done, _shutDownAt) = (0, Posix.Now(Posix.MonotonicClock));
        }
    }

    /// <summary>Does what is due; returns how long until the next time, ns, or -1.</summary>
    public long Wake(Action trigger)
    {
        lock (_lock)
        {
            for (; _done < s_after.Length; _done++)
            {
                var rest = _shutDownAt + s_after[_done] - Posix.Now(Posix.MonotonicClock);
                if (rest > 0)
                {
                    return rest;
                }
                trigger();
            }
        }
        return -1;
    }
}
