namespace RmwCkpt.Trial.Judging;

/// <summary>Times without a message.</summary>
public static class Silence
{
    /// <summary>How long after a recovery a hole still counts as its doing.</summary>
    public const long Aftermath = 1_000_000_000;

    /// <summary>
    /// The largest hole between two neighbouring stamps that has a part in the window. A hole that is still open at the
    /// window's end lasts until there.
    /// </summary>
    /// <param name="stamps">Rising, ns.</param>
    public static long Largest(IReadOnlyList<long> stamps, long from, long to)
    {
        var largest = 0L;
        var i = FirstAfter(stamps, from);
        var previous = i > 0 ? stamps[i - 1] : from;
        for (; i < stamps.Count; i++)
        {
            largest = Math.Max(largest, stamps[i] - previous);
            previous = stamps[i];
            if (previous >= to)
            {
                return largest;
            }
        }
        return Math.Max(largest, to - previous);
    }

    /// <summary>The value that a share of the values does not exceed (nearest rank); 0 of none.</summary>
    public static double Percentile(IEnumerable<double> values, double share)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? 0 : sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)];
    }

    private static int FirstAfter(IReadOnlyList<long> stamps, long time)
    {
        var (low, high) = (0, stamps.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = stamps[middle] <= time ? (middle + 1, high) : (low, middle);
        }
        return low;
    }
}
