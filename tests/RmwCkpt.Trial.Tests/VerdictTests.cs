using RmwCkpt.Trial.Judging;

namespace RmwCkpt.Trial.Tests;

public class VerdictTests
{
    private static readonly Tally s_clean = new() { Lines = 100, Heard = 100, Highest = 100 };

    [Theory]
    [InlineData(0, 0, 0, 0, true)]
    [InlineData(-3, -3, 0, 0, true)]
    [InlineData(3, 0, 0, 0, true)]
    [InlineData(4, 0, 9, 9, false)]    // it cannot be ahead
    [InlineData(-4, -4, 0, 0, false)]  // behind, by a death
    [InlineData(-4, -4, 9, 0, false)]  // behind, by a death, and the machine was busy at another time
    [InlineData(-4, -4, 2, 1, true)]   // behind, for the machine was busy then
    [InlineData(-40, -1, 40, 0, true)] // behind, for the machine was busy
    [InlineData(-40, -1, 9, 0, false)] // behind, and the machine was not so busy
    public void The_counter_must_be_where_it_would_have_been(
        double offset, double inWindows, double withheld, double withheldInWindows, bool ok) =>
        Assert.Equal(ok, Verdict.Of(s_clean, s_clean, s_clean, At(offset, inWindows, withheld, withheldInWindows)).Ok);

    [Fact]
    public void Nothing_counted_is_a_failure()
    {
        var nothing = new Tally();

        Assert.False(Verdict.Of(nothing, nothing, nothing, new Circumstances()).Ok);
    }

    [Fact]
    public void Any_fault_is_named()
    {
        var watcher = s_clean with { Missed = 2, Repeated = 1, FirstFault = "line 7: 9 follows 6" };

        var verdict = Verdict.Of(
            s_clean, s_clean, watcher,
            At(0, 0) with { Divergences = 4, Troubles = ["the relay did not come back"] });

        Assert.False(verdict.Ok);
        Assert.Equal(
            "the relay did not come back; watcher: 2 missed, 1 repeated (line 7: 9 follows 6); 4 publishes diverged in replay",
            verdict.Text);
    }

    [Theory]
    [InlineData(5, 8, 10)]    // two stamps around it: 0 .. 10
    [InlineData(15, 95, 70)]  // the largest of several
    [InlineData(85, 300, 200)] // nothing more comes: until the window's end
    [InlineData(20, 21, 10)]
    public void Silence_is_the_largest_hole_with_a_part_in_the_window(long from, long to, long expected) =>
        Assert.Equal(expected, Silence.Largest([0, 10, 20, 30, 100], from, to));

    [Fact]
    public void Silence_without_any_stamp_is_the_window() => Assert.Equal(7, Silence.Largest([], 3, 10));

    [Fact]
    public void Percentiles_are_values_that_were_measured()
    {
        Assert.Equal(0, Silence.Percentile([], 0.5));
        Assert.Equal(2, Silence.Percentile([3, 1, 2], 0.5));
        Assert.Equal(3, Silence.Percentile([3, 1, 2], 0.99));
        Assert.Equal(1, Silence.Percentile([1], 0.99));
    }

    private static Circumstances At(double offset, double inWindows, double withheld = 0, double withheldInWindows = 0) => new()
    {
        Counter = new CounterOffset(100 - offset, offset, inWindows, 0) { Withheld = withheld, WithheldInWindows = withheldInWindows },
    };
}
