using RmwCkpt.Memory;

namespace RmwCkpt.Log.Tests;

/// <summary>An incarnation ended at a store.</summary>
internal sealed class StoppedException : Exception
{
    /// <summary>
    /// Runs an incarnation until a point: before and after each store there is one, from 1. <paramref name="look"/> sees the
    /// memory at each. The number of points; negative: the incarnation was stopped at that one.
    /// </summary>
    public static int Run(Action incarnation, int stopAt, Action look)
    {
        var points = 0;
        Region.OnStore = () =>
        {
            look();
            if (++points == stopAt)
            {
                throw new StoppedException();
            }
        };
        try
        {
            incarnation();
            return points;
        }
        catch (StoppedException)
        {
            return -points;
        }
        finally
        {
            Region.OnStore = null;
        }
    }

    /// <summary>Runs what is no part of the incarnation: nothing is counted, nothing stopped.</summary>
    public static void Aside(Action action)
    {
        var hook = Region.OnStore;
        Region.OnStore = null;
        try
        {
            action();
        }
        finally
        {
            Region.OnStore = hook;
        }
    }
}
