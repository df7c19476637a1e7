using RmwCkpt.Memory;
using RmwCkpt.Middleware.Replay;

namespace RmwCkpt.Middleware.Tests.Replay;

public sealed class RosClockTests
{
    private readonly RosClock _clock = new();

    [Fact]
    public void Live_time_is_the_kernels_and_never_runs_back()
    {
        Assert.Equal(100, _clock.Translate(Posix.RealtimeClock, 100));
        Assert.Equal(100, _clock.Translate(Posix.RealtimeClock, 90));
        Assert.Equal(101, _clock.Translate(Posix.RealtimeClock, 101));
        Assert.Equal(101, _clock.Last(Posix.RealtimeClock));
        Assert.Equal(0, _clock.Last(Posix.MonotonicClock));
        Assert.False(_clock.IsBehind);
        Assert.Equal(0, _clock.Lag);
    }

    [Theory]
    [InlineData(Posix.RealtimeClock)]
    [InlineData(Posix.MonotonicClock)]
    public void After_a_replay_time_goes_on_from_its_last_read_until_the_lag_is_skipped(int clock)
    {
        var died = Posix.Now(clock) - 5_000_000_000;
        _clock.Replay(clock, died);
        _clock.EndReplay();
        Assert.True(_clock.Lag >= 5_000_000_000);
        Assert.True(_clock.Now < Posix.Now(Posix.RealtimeClock) - 4_999_999_999);
        var lag = _clock.Lag;
        _clock.Skip(1_000_000_000);
        Assert.Equal(lag - 1_000_000_000, _clock.Lag);
        _clock.Skip(lag);
        Assert.Equal(0, _clock.Lag);
        Assert.False(_clock.IsBehind);
    }

    [Fact]
    public void Of_two_clocks_the_one_read_last_says_how_far_it_is_behind()
    {
        _clock.Replay(Posix.RealtimeClock, Posix.Now(Posix.RealtimeClock) - 9_000_000_000);
        _clock.Replay(Posix.MonotonicClock, Posix.Now(Posix.MonotonicClock) - 2_000_000_000);
        _clock.EndReplay();
        Assert.InRange(_clock.Lag, 2_000_000_000, 9_000_000_000 - 1);
    }

    [Fact]
    public void A_replay_that_read_no_clock_or_a_future_one_leaves_no_lag()
    {
        _clock.EndReplay();
        Assert.Equal(0, _clock.Lag);
        _clock.Replay(Posix.RealtimeClock, Posix.Now(Posix.RealtimeClock) + 60_000_000_000);
        _clock.EndReplay();
        Assert.Equal(0, _clock.Lag);
    }

    [Fact]
    public void A_wall_clock_that_is_set_back_takes_ros_time_with_it_and_monotonic_time_goes_on()
    {
        var host = new Host();
        var clock = new RosClock(host.Read);
        Assert.Equal(host.Wall, clock.Translate(Posix.RealtimeClock, host.Wall));
        Assert.Equal(host.Steady, clock.Translate(Posix.MonotonicClock, host.Steady));
        host.Pass(Second);
        host.Wall -= 60 * Second;
        Assert.Equal(host.Wall, clock.Translate(Posix.RealtimeClock, host.Wall));
        Assert.Equal(host.Steady, clock.Translate(Posix.MonotonicClock, host.Steady));
        host.Pass(Second);
        Assert.Equal(host.Wall, clock.Translate(Posix.RealtimeClock, host.Wall));
        Assert.False(clock.IsBehind);
    }

    [Fact]
    public void Who_asked_the_kernel_before_another_thread_did_does_not_set_time_back()
    {
        var host = new Host();
        var clock = new RosClock(host.Read);
        var early = host.Wall;
        host.Pass(Second);
        clock.Translate(Posix.RealtimeClock, host.Wall);
        Assert.Equal(host.Wall, clock.Translate(Posix.RealtimeClock, early));
    }

    [Fact]
    public void How_far_a_life_is_behind_is_not_reckoned_by_a_wall_clock_that_was_set_back_since()
    {
        var host = new Host();
        var clock = new RosClock(host.Read);
        clock.Replay(Posix.RealtimeClock, host.Wall);
        clock.Replay(Posix.MonotonicClock, host.Steady);
        clock.Saw(host.Wall);
        host.Pass(2 * Second);
        host.Wall -= 60 * Second;
        clock.EndReplay();
        Assert.Equal(2 * Second, clock.Lag);
        Assert.Equal(host.Wall - (2 * Second), clock.Translate(Posix.RealtimeClock, host.Wall));
        clock.Skip(2 * Second);
        Assert.Equal(host.Wall, clock.Translate(Posix.RealtimeClock, host.Wall));
    }

    [Fact]
    public void A_freeze_after_it_is_caught_up_with_as_one_before()
    {
        var host = new Host();
        var clock = new RosClock(host.Read);
        clock.Saw(host.Wall);
        clock.Translate(Posix.RealtimeClock, host.Wall);
        host.Wall -= 60 * Second;
        clock.Translate(Posix.RealtimeClock, host.Wall);
        clock.Translate(Posix.MonotonicClock, host.Steady);
        host.Pass(Second);
        clock.GoOnFrom(Posix.RealtimeClock, host.Wall, Second);
        Assert.Equal(Second, clock.Lag);
    }

    private const long Second = 1_000_000_000;

    /// <summary>The kernel's clocks.</summary>
    private sealed class Host
    {
        public long Wall { get; set; } = 1_000_000 * Second;

        public long Steady { get; private set; } = 500 * Second;

        public long Read(int clock) => clock == Posix.RealtimeClock ? Wall : Steady;

        public void Pass(long time) => (Wall, Steady) = (Wall + time, Steady + time);
    }
}
