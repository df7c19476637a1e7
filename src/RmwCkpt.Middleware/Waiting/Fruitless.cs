using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Waiting;

/// <summary>
/// What the calling thread's last wait reported, and whether anything has come of it. A multi-threaded executor waits again
/// for a message that it may not take yet, for another thread runs a callback of the same group: it would be told the same at
/// once, again and again, and each time would be journalled. Who is done triggers a guard condition, which rings the bell.
/// Of a thread; allocates nothing.
/// </summary>
internal static class Fruitless
{
    /// <summary>The first pause, ns: about what two sleeps and wakes cost.</summary>
    private const long Shortest = 100_000;

    /// <summary>The longest pause, ns: so late is, at most, one that is free to take and has rung no bell.</summary>
    private const long Longest = 2_000_000;

    [ThreadStatic]
    private static (uint Bell, ulong Ready, long Pause) t_last;

    /// <summary>The calling thread takes a message, or finds none: its last wait was of use.</summary>
    public static void NoteTake() => t_last = default;

    /// <summary>
    /// How long to wait for the bell before the same is reported again, ns; 0: this is new, or something has come of the last.
    /// </summary>
    public static long PauseBefore(uint bell, ReadOnlySpan<uint> ids, ReadOnlySpan<byte> ready) =>
        t_last.Ready != 0 && t_last.Bell == bell && t_last.Ready == Sum(ids, ready) ? t_last.Pause : 0;

    /// <summary>A wait that had seen this bell reports these.</summary>
    public static void NoteReport(uint bell, ReadOnlySpan<uint> ids, ReadOnlySpan<byte> ready)
    {
        var sum = Sum(ids, ready);
        var isSame = t_last.Ready == sum && t_last.Pause != 0;
        t_last = (bell, sum, isSame ? Math.Min(2 * t_last.Pause, Longest) : Shortest);
    }

    /// <summary>Never 0. FNV-1a over the ids that are ready.</summary>
    private static ulong Sum(ReadOnlySpan<uint> ids, ReadOnlySpan<byte> ready)
    {
        var sum = 14695981039346656037UL;
        for (var i = ReadyEntities.Next(ready, 0); i >= 0; i = ReadyEntities.Next(ready, i + 1))
        {
            sum = (sum ^ (ids[i] & Session.EntityMask)) * 1099511628211UL;
        }
        return sum | 1;
    }
}
