using RmwCkpt.Trial.Judging;

namespace RmwCkpt.Trial.Tests;

public class CounterClockTests
{
    private const long Millisecond = 1_000_000;

    [Fact]
    public void A_counter_in_time_is_not_off()
    {
        var (times, numbers) = Run((0, 1, 100));

        var offset = CounterClock.Measure(times, numbers, 100, times[^1] + (5 * Millisecond), [(300 * Millisecond, 400 * Millisecond)], []);

        Assert.Equal(100.5, offset.Expected, 6);
        Assert.Equal(-0.5, offset.Offset, 6);
        Assert.Equal(0, offset.ByUs, 6);
    }

    [Fact]
    public void A_first_line_that_was_written_late_makes_no_counter_fast()
    {
        var (times, numbers) = Run((0, 1, 100));
        times[0] = times[1] = times[2] = times[3] = 45 * Millisecond;

        Assert.Equal(0, CounterClock.Measure(times, numbers, 100, times[^1], [], []).Offset, 6);
    }

    [Fact]
    public void A_counter_that_counts_on_before_it_ends_is_not_fast()
    {
        var (times, numbers) = Run((0, 1, 100));

        Assert.Equal(0, CounterClock.Measure(times, numbers, 100, times[^1] - (500 * Millisecond), [], []).Offset, 6);
    }

    [Fact]
    public void Ticks_lost_in_a_death_are_the_deaths()
    {
        // Dead from 0.5 s to 0.7 s, and then it goes on with the next number.
        var (times, numbers) = Run((0, 1, 50), (700, 51, 50));

        var offset = CounterClock.Measure(times, numbers, 100, times[^1], [(495 * Millisecond, 720 * Millisecond)], []);

        Assert.Equal((-20, -20), (Math.Round(offset.Offset), Math.Round(offset.ByUs)));
    }

    [Fact]
    public void Ticks_lost_in_a_snapshot_are_told_apart()
    {
        var (times, numbers) = Run((0, 1, 50), (600, 51, 50), (1150, 101, 50));

        var offset = CounterClock.Measure(
            times, numbers, 100, times[^1], [(495 * Millisecond, 620 * Millisecond)], [(1095 * Millisecond, 1160 * Millisecond)]);

        Assert.Equal((-10, -5), (Math.Round(offset.ByDeaths), Math.Round(offset.BySnapshots)));
    }

    [Fact]
    public void Ticks_lost_between_two_lines_count_once()
    {
        // A snapshot ends in the moment at which it is stopped: no line is between the two.
        var (times, numbers) = Run((0, 1, 50), (1500, 51, 50));

        var offset = CounterClock.Measure(
            times, numbers, 100, times[^1], [(495 * Millisecond, 1600 * Millisecond)], [(400 * Millisecond, 493 * Millisecond)]);

        Assert.Equal((-100, 0), (Math.Round(offset.ByDeaths), Math.Round(offset.BySnapshots)));
    }

    [Fact]
    public void Ticks_made_up_for_are_not_lost()
    {
        // Dead from 0.5 s to 0.6 s; writes ten lines again and the eleven that are due at once.
        var (times, numbers) = Run((0, 1, 50));
        times.AddRange(Enumerable.Repeat(600 * Millisecond, 21));
        numbers.AddRange(Enumerable.Range(41, 21).Select(x => (long)x));
        var (after, more) = Run((610, 62, 50));

        var offset = CounterClock.Measure(
            [.. times, .. after], [.. numbers, .. more], 100, after[^1], [(495 * Millisecond, 605 * Millisecond)], []);

        Assert.Equal((0, 0), (Math.Round(offset.Offset), Math.Round(offset.ByUs)));
    }

    [Fact]
    public void Ticks_lost_elsewhere_are_not_the_deaths()
    {
        var (times, numbers) = Run((0, 1, 50), (700, 51, 100));

        var offset = CounterClock.Measure(
            times, numbers, 100, times[^1], [(900 * Millisecond, 1000 * Millisecond), (950 * Millisecond, 1100 * Millisecond)],
            [(1000 * Millisecond, 1150 * Millisecond)]);

        Assert.Equal((-20, 0), (Math.Round(offset.Offset), Math.Round(offset.ByUs)));
    }

    [Fact]
    public void A_counter_that_never_came_back_has_no_end_of_its_death()
    {
        var (times, numbers) = Run((0, 1, 50));

        Assert.Equal(0, CounterClock.Measure(times, numbers, 100, times[^1], [(400 * Millisecond, 900 * Millisecond)], []).ByDeaths);
        Assert.Equal(CounterOffset.None, CounterClock.Measure([], [], 100, 5, [], []));
    }

    /// <summary>Stretches of numbers 10 ms apart: from ms, first number, count.</summary>
    private static (List<long> Times, List<long> Numbers) Run(params (int From, int First, int Count)[] stretches)
    {
        var (times, numbers) = (new List<long>(), new List<long>());
        foreach (var (from, first, count) in stretches)
        {
            times.AddRange(Enumerable.Range(0, count).Select(i => (from + (10 * i)) * Millisecond));
            numbers.AddRange(Enumerable.Range(first, count).Select(x => (long)x));
        }
        return (times, numbers);
    }
}
