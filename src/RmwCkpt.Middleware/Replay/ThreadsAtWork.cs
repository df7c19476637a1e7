namespace RmwCkpt.Middleware.Replay;

/// <summary>
/// How far ROS time may be skipped in catch-up where several threads live by it: to the first time that one of them waits
/// for, and not while one is at work. A thread is at work from the end of its wait, or from a read of a clock, until it
/// waits again or triggers a guard condition, by which executors' threads say that they are done. Under the gate.
/// </summary>
internal sealed class ThreadsAtWork(IReplayClock clock)
{
    /// <summary>
    /// ns for which the others stand still for a thread that is at work, or on its way out of a wait or into one. It may as
    /// well be blocked by one of them.
    /// </summary>
    private const long Courtesy = 5_000_000;

    /// <summary>ns after which a thread at work that sleeps is not waited for: it is blocked by one that waits, or for long.</summary>
    private const long Asleep = 200_000;

    /// <summary>ns after which a thread at work is not waited for any more: it has ended, or works for long.</summary>
    private const long LongestWork = 100_000_000;

    [ThreadStatic]
    private static bool t_isCounted;

    private static int s_threads;
    private readonly Dictionary<int, (long Due, long Since)> _threads = [];
    private long _begun;
    private long _skipped;

    private int Me => clock.ThreadId;

    /// <summary>Threads of this process that ever waited, or worked in a catch-up: one alone need not ask.</summary>
    public static void CountThread()
    {
        if (!t_isCounted)
        {
            t_isCounted = true;
            Interlocked.Increment(ref s_threads);
        }
    }

    public void Begin()
    {
        _threads.Clear();
        _begun = clock.Now;
    }

    /// <summary>The calling thread is at work.</summary>
    public void Work()
    {
        CountThread();
        if (s_threads > 1)
        {
            _threads[Me] = (long.MinValue, clock.Now);
        }
    }

    /// <summary>The calling thread has done its work.</summary>
    public void Rest() => _threads.Remove(Me);

    /// <summary>
    /// The calling thread waits, at ROS time <paramref name="now"/>, for one that is <paramref name="step"/> later. How far
    /// it may skip; 0: it is the others' turn.
    /// </summary>
    public long Agree(long now, long step)
    {
        if (s_threads <= 1)
        {
            return step;
        }
        var time = clock.Now;
        _threads[Me] = (now + step, time);
        if (time - _begun < Courtesy)
        {
            return 0;
        }
        foreach (var (thread, (due, since)) in _threads)
        {
            if (due > now)
            {
                step = Math.Min(step, due - now);
            }
            else if (due == long.MinValue && time - since > LongestWork)
            {
                _threads.Remove(thread);
            }
            else if (thread != Me && time - Math.Max(since, _skipped) < Courtesy
                && !(due == long.MinValue && time - since > Asleep && clock.IsAsleep(thread)))
            {
                return 0;
            }
        }
        _skipped = step > 0 ? time : _skipped;
        return step;
    }
}
