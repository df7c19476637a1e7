namespace RmwCkpt.Trial.Judging;

/// <summary>1 + 2 + ... + n.</summary>
public static class Triangle
{
    public static long Of(long n) => n * (n + 1) / 2;

    /// <summary>The n whose triangle is <paramref name="sum"/>, if there is one above zero.</summary>
    public static bool TryRoot(long sum, out long n)
    {
        // The square root is exact enough for a guess; the neighbours make up for its rounding.
        n = sum <= 0 ? 0 : (long)((Math.Sqrt((8.0 * sum) + 1) - 1) / 2);
        for (var candidate = Math.Max(1, n - 1); candidate <= n + 1; candidate++)
        {
            if (Of(candidate) == sum)
            {
                n = candidate;
                return true;
            }
        }
        n = 0;
        return false;
    }
}
