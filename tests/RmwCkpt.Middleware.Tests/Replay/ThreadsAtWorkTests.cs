using RmwCkpt.Middleware.Replay;

namespace RmwCkpt.Middleware.Tests.Replay;

/// <summary>How far time is skipped where several threads live by it.</summary>
public sealed class ThreadsAtWorkTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(20);
    private readonly ThreadsAtWork _catchUp = new(new ReplayClock());
    private readonly object _gate = new();

    [Fact]
    public void It_goes_to_the_first_time_that_one_of_them_waits_for()
    {
        CountTwo();
        _catchUp.Begin();
        On(() => Ask(now: 1000, step: 30));
        Assert.Equal(30, Agreed(now: 1000, step: 500));
        // The other's time has come: it is its turn, and then it waits for another.
        On(() => Ask(now: 1030, step: 100));
        Assert.Equal(70, Agreed(now: 1060, step: 500));
    }

    [Fact]
    public void It_goes_on_without_who_has_done_its_work()
    {
        CountTwo();
        _catchUp.Begin();
        On(Work);
        On(Rest);
        Assert.Equal(500, Agreed(now: 1000, step: 500));
    }

    /// <summary>What they agree upon, once each has had its turn.</summary>
    private long Agreed(long now, long step)
    {
        var agreed = 0L;
        Assert.True(SpinWait.SpinUntil(() => (agreed = Ask(now, step)) != 0, s_long));
        return agreed;
    }

    private long Ask(long now, long step)
    {
        lock (_gate)
        {
            return _catchUp.Agree(now, step);
        }
    }

    private void Work()
    {
        lock (_gate)
        {
            _catchUp.Work();
        }
    }

    private void Rest()
    {
        lock (_gate)
        {
            _catchUp.Rest();
        }
    }

    /// <summary>One thread alone need not ask.</summary>
    private static void CountTwo()
    {
        ThreadsAtWork.CountThread();
        On(ThreadsAtWork.CountThread);
    }

    private static void On(Action action)
    {
        // One and the same other thread is not needed, but one that is not the pool's, which may be this one.
        var thread = new Thread(() => action());
        thread.Start();
        thread.Join();
    }
}
