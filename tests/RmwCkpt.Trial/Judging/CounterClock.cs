namespace RmwCkpt.Trial.Judging;

/// <summary>By how many numbers a counter is off, and how much of that came in given windows of time.</summary>
/// <param name="Expected">Where it would have been.</param>
/// <param name="Offset">Where it is, less that.</param>
/// <param name="ByDeaths">The part of the offset that arose in the windows of deaths.</param>
/// <param name="BySnapshots">The part of the offset that arose in other windows, those of snapshots.</param>
public sealed record CounterOffset(double Expected, double Offset, double ByDeaths, double BySnapshots)
{
    /// <summary>The part of the offset that arose in windows of deaths and snapshots.</summary>
    public double ByUs => ByDeaths + BySnapshots;

    /// <summary>
    /// Numbers for which the machine gave no time: its host took its processors away, or others had them. A timer of any
    /// program loses ticks then.
    /// </summary>
    public double Withheld { get; init; }

    /// <summary>The part of <see cref="Withheld"/> that falls into the windows of deaths and snapshots.</summary>
    public double WithheldInWindows { get; init; }

    public static CounterOffset None { get; } = new(0, 0, 0, 0);
}

/// <summary>
/// Compares a counter with the clock. A ROS timer that is late by more than a period passes ticks over, so a machine that is
/// too busy makes any counter fall behind; what deaths and snapshots cost it is told apart by when it happened.
/// </summary>
public static class CounterClock
{
    /// <summary>Lines on each side of a window whose median is taken: a single one may be late itself.</summary>
    private const int Neighbours = 5;

    private const int FirstLines = 50;

    /// <param name="times">When each line was written (ns).</param>
    /// <param name="numbers">The lines; lines that a replay repeats are passed over.</param>
    /// <param name="rate">Numbers per second.</param>
    /// <param name="end">When the counter was told to stop, ns; on a busy machine it counts on for a while.</param>
    /// <param name="deaths">From each death to when it was itself again, ns.</param>
    /// <param name="snapshots">The same for snapshots; what overlaps with a death counts as that.</param>
    /// <param name="withheld">How long the machine withheld its processors between two times, ns.</param>
    public static CounterOffset Measure(
        IReadOnlyList<long> times, IReadOnlyList<long> numbers, double rate, long end,
        IReadOnlyList<(long From, long To)> deaths, IReadOnlyList<(long From, long To)> snapshots,
        Func<long, long, double>? withheld = null)
    {
        withheld ??= (_, _) => 0;
        var (at, highest) = Advances(times, numbers);
        if (at.Count == 0)
        {
            return CounterOffset.None;
        }
        end = Math.Max(end, at[^1]);
        var start = Start(at, highest, rate);
        var offsets = at.Select((time, i) => highest[i] - Expected(time)).ToList();
        var byDeaths = 0.0;
        var bySnapshots = 0.0;
        var inWindows = 0.0;
        foreach (var (from, to) in Merge(deaths.Concat(snapshots), at))
        {
            var before = FirstAfter(at, from);
            var after = FirstAfter(at, to);
            if (before > 0 && after < at.Count)
            {
                var change = Median(offsets, after, after + Neighbours) - Median(offsets, before - Neighbours, before);
                var isDeath = deaths.Any(x => x.From >= from && x.To <= to);
                byDeaths += isDeath ? change : 0;
                bySnapshots += isDeath ? 0 : change;
                inWindows += withheld(at[Math.Max(0, before - Neighbours)], at[Math.Min(at.Count - 1, after + Neighbours)]);
            }
        }
        return new CounterOffset(Expected(end), highest[^1] - Expected(end), byDeaths, bySnapshots)
        {
            Withheld = withheld(at[0], end) / 1e9 * rate,
            WithheldInWindows = inWindows / 1e9 * rate,
        };

        double Expected(long time) => 1 + ((time - start) / 1e9 * rate);
    }

    /// <summary>The lines that brought the counter further than ever, and when they were seen.</summary>
    private static (List<long> At, List<long> Highest) Advances(IReadOnlyList<long> times, IReadOnlyList<long> numbers)
    {
        var at = new List<long>();
        var highest = new List<long>();
        for (var i = 0; i < Math.Min(times.Count, numbers.Count); i++)
        {
            if (highest.Count == 0 || numbers[i] > highest[^1])
            {
                at.Add(times[i]);
                highest.Add(numbers[i]);
            }
        }
        return (at, highest);
    }

    /// <summary>When number 1 was due. A line may be written late but never early: of the first ones the earliest tells.</summary>
    private static double Start(List<long> at, List<long> highest, double rate) =>
        Enumerable.Range(0, Math.Min(at.Count, FirstLines)).Min(i => at[i] - ((highest[i] - 1) / rate * 1e9));

    /// <summary>Windows that overlap, or that too few lines tell apart, are one: each offset counts once.</summary>
    private static List<(long From, long To)> Merge(IEnumerable<(long From, long To)> windows, List<long> at)
    {
        var merged = new List<(long From, long To)>();
        foreach (var window in windows.OrderBy(x => x.From))
        {
            if (merged.Count > 0
                && (window.From <= merged[^1].To || FirstAfter(at, window.From) - FirstAfter(at, merged[^1].To) < Neighbours))
            {
                merged[^1] = (merged[^1].From, Math.Max(merged[^1].To, window.To));
            }
            else
            {
                merged.Add(window);
            }
        }
        return merged;
    }

    /// <summary>The median of those of the values from index first to before end that there are.</summary>
    private static double Median(List<double> values, int first, int end)
    {
        first = Math.Max(0, first);
        var sorted = values.GetRange(first, Math.Min(values.Count, end) - first).Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static int FirstAfter(List<long> times, long time)
    {
        var index = times.BinarySearch(time + 1);
        return index < 0 ? ~index : index;
    }
}
