using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Replay;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Waiting;

/// <summary>
/// What a wait does with the entities that it is asked for: which are ready (a byte for each, 1: it is), that they are claimed and
/// journalled, and reported. Allocates nothing. Any number of threads at once, each with bytes of its own.
/// </summary>
internal sealed class ReadyEntities(Session session)
{
    /// <summary>So many guard conditions are looked for among the triggered ones, not at each of them.</summary>
    private const int ManyGuards = 256;

    /// <summary>Marks those that are ready by a ROS time. True: some are.</summary>
    /// <param name="guards">So many of the last ones are guard conditions.</param>
    public bool Collect(ReadOnlySpan<uint> ids, Span<byte> ready, long by, int guards)
    {
        var others = ids.Length - guards;
        if (guards >= ManyGuards && session.GuardFlags.TryFindTriggered(ids[others..], ready[others..], out var found))
        {
            return LookAt(ids[..others], ready[..others], by) | found;
        }
        return LookAt(ids, ready, by);
    }

    private bool LookAt(ReadOnlySpan<uint> ids, Span<byte> ready, long by)
    {
        var any = false;
        var entities = session.Entities;
        var guards = session.GuardFlags.Chunks;
        for (var i = 0; i < ids.Length; i++)
        {
            var guard = GuardFlags.Of(guards, ids[i] & Session.EntityMask);
            var isReady = guard == GuardFlags.None
                ? Session.Find(entities, ids[i])?.IsReady(by) ?? false
                : guard == GuardFlags.Triggered;
            ready[i] = isReady ? (byte)1 : (byte)0;
            any |= isReady;
        }
        return any;
    }

    /// <summary>Lets those that are ready know that they were reported.</summary>
    /// <param name="slept">The wait that reports them had to sleep.</param>
    /// <param name="replayed">The journal says so.</param>
    public void Report(ReadOnlySpan<uint> ids, ReadOnlySpan<byte> ready, bool slept, bool replayed = false)
    {
        for (var i = Next(ready, 0); i >= 0; i = Next(ready, i + 1))
        {
            if (session.Find(ids[i]) is { } entity)
            {
                if (replayed)
                {
                    // What the previous incarnation's wait consumed; it may not be there yet.
                    _ = entity.TryClaim();
                }
                entity.Reported(slept);
            }
        }
    }

    /// <summary>Claims what is ready and journals it. False, and nothing is claimed: look again.</summary>
    public bool TryRecord(ReplayJournal journal, ReadOnlySpan<uint> ids, Span<byte> ready)
    {
        lock (journal.Gate)
        {
            var claimed = Claim(ids, ready);
            var more = claimed;
            for (var i = Next(ready, 0); i >= 0; i = Next(ready, i + 1))
            {
                if (!journal.TryRecord(Determinant.Ready, ids[i], --more, 0))
                {
                    Unclaim(ids, ready);
                    return false;
                }
            }
            return claimed > 0;
        }
    }

    /// <summary>How many of those that are ready could be claimed; the others are not ready any more.</summary>
    private uint Claim(ReadOnlySpan<uint> ids, Span<byte> ready)
    {
        uint claimed = 0;
        for (var i = Next(ready, 0); i >= 0; i = Next(ready, i + 1))
        {
            ready[i] = session.Find(ids[i])?.TryClaim() == true ? (byte)1 : (byte)0;
            claimed += ready[i];
        }
        return claimed;
    }

    private void Unclaim(ReadOnlySpan<uint> ids, ReadOnlySpan<byte> ready)
    {
        for (var i = Next(ready, 0); i >= 0; i = Next(ready, i + 1))
        {
            session.Find(ids[i])?.Unclaim();
        }
    }

    /// <summary>Index of the first that is ready at or after one, or -1. Among thousands few are.</summary>
    public static int Next(ReadOnlySpan<byte> ready, int from)
    {
        var index = ready[from..].IndexOf((byte)1);
        return index < 0 ? -1 : from + index;
    }

    /// <summary>Whether one of those that are ready is a guard condition.</summary>
    public bool HasGuard(ReadOnlySpan<uint> ids, ReadOnlySpan<byte> ready)
    {
        for (var i = Next(ready, 0); i >= 0; i = Next(ready, i + 1))
        {
            if (session.Find(ids[i]) is Guard)
            {
                return true;
            }
        }
        return false;
    }
}
