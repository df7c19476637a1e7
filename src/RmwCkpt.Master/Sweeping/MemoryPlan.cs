using RmwCkpt.Log;

namespace RmwCkpt.Master.Sweeping;

/// <summary>How a domain's memory is shared out. Arithmetic only.</summary>
public static class MemoryPlan
{
    /// <summary>Of the budget, images may have so much: logs are what others hear.</summary>
    public static long Images(long budget) => budget / 4 * 3;

    /// <summary>Logs whose writers are gone may have so much.</summary>
    public static long OrphanedLogs(long budget) => budget / 4;

    /// <summary>What is kept from others who share the file system, for who joins or recovers when they have filled it.</summary>
    public static long Spare(long budget) => Math.Min(4L << 20, budget / 8);

    /// <summary>What is not given out, for those who join between two looks.</summary>
    public static long Reserve(long room) => room / 16;

    /// <summary>The budget where none is asked for, and the most that can be had: of a file system of so many bytes.</summary>
    public static long Budget(long? asked, long fileSystem) => Math.Min(asked ?? fileSystem / 4, fileSystem / 10 * 9);

    /// <summary>
    /// What each of the logs may keep, of <paramref name="room"/> for all: small ones need less than an equal part, and leave
    /// the rest to the others. A log may double before the next look, so that those that are hardly used count for little.
    /// </summary>
    /// <param name="sizes">Bytes of each now.</param>
    public static long Share(long room, IEnumerable<long> sizes)
    {
        var wanted = sizes.Select(x => (2 * x) + ILogLimits.Least).Order().ToList();
        var left = room - Reserve(room);
        for (var i = 0; i < wanted.Count; i++)
        {
            var equal = left / (wanted.Count - i);
            if (wanted[i] > equal)
            {
                return Math.Max(equal, ILogLimits.Least);
            }
            left -= wanted[i];
        }
        // All have what they want, and one of them may have the rest.
        return Math.Max(left + wanted.LastOrDefault(), ILogLimits.Least);
    }
}
