using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Tests;

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
}
