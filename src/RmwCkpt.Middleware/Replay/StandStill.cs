namespace RmwCkpt.Middleware.Replay;

/// <summary>What a replay knows of time and of its process' threads. Tests have their own.</summary>
internal interface IReplayClock
{
    /// <summary>ns, CLOCK_MONOTONIC.</summary>
    long Now { get; }

    /// <summary>One of the kernel's clocks, ns.</summary>
    long Read(int clock);

    /// <summary>Whether another thread of this process runs, or could.</summary>
    bool IsBusy { get; }

    /// <summary>The calling thread's number for the kernel.</summary>
    int ThreadId { get; }

    /// <summary>Whether a thread, by that number, neither runs nor could.</summary>
    bool IsAsleep(int thread);

    /// <summary>Lets the gate go until somebody pulses it, or for some ms at most.</summary>
    void Wait(object gate);
}

/// <summary>
/// How long a replay has stood still: looked at by those who wait for their turn. Time in which nobody looked, for the process
/// was stopped or not let run, does not count, and little of it in which a thread computes. Under the gate.
/// </summary>
internal sealed class StandStill(IReplayClock clock)
{
    /// <summary>ns that count between two looks.</summary>
    private const long Longest = 10_000_000;

    /// <summary>ns for which nobody asks what the threads do, and between two such questions.</summary>
    private const long Short = 2_000_000;

    /// <summary>Time in which a thread computes counts so much less: it may be on its way, or have nothing to do with it.</summary>
    private const int BusyShare = 10;

    private long _looked;
    private long _lasts;
    private long _asked;
    private bool _isBusy;

    /// <summary>A thread has done again what the former life did.</summary>
    public void Moved() => (_looked, _lasts) = (clock.Now, 0);

    /// <summary>ns until now.</summary>
    public long Look()
    {
        var now = clock.Now;
        var since = Math.Min(now - _looked, Longest);
        _looked = now;
        if (_lasts + since < Short)
        {
            return _lasts += since;
        }
        if (now - _asked >= Short)
        {
            (_asked, _isBusy) = (now, clock.IsBusy);
        }
        return _lasts += _isBusy ? since / BusyShare : since;
    }
}
