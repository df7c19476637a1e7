using RmwCkpt.Middleware.Replay;

namespace RmwCkpt.Middleware.Tests.Replay;

public sealed class TimersTests
{
    [Fact]
    public void Timers_have_numbers_as_they_come_and_a_new_one_has_its_own_wherever_it_is()
    {
        var timers = new Timers();
        Assert.Equal([Timers.First, Timers.First + 1, Timers.First], new uint[] { timers[4096], timers[64], timers[4096] });
        timers.Remove(4096);
        Assert.Equal(Timers.First + 2, timers[4096]);
    }

    [Fact]
    public void A_wait_is_for_the_timers_that_its_thread_named_last()
    {
        Timers.Await(Timers.First);
        Timers.Await(Timers.First + 1);
        Assert.True(Timers.IsAwaited(Timers.First) && Timers.IsAwaited(Timers.First + 1));
        var other = true;
        var thread = new Thread(() => other = Timers.IsAwaited(Timers.First));
        thread.Start();
        thread.Join();
        Assert.False(other);
        Timers.AwaitNone();
        Assert.False(Timers.IsAwaited(Timers.First));
    }
}
