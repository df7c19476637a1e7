using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Replay;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Waiting;

/// <summary>
/// Waits for entities. Live: looks, spins a little where waits have been short, sleeps on the process' doorbell. In replay:
/// returns what the journal says. In catch-up: lets ROS time jump to the next arrival or to the time-out instead of
/// sleeping. Allocates nothing. Any number of threads at once.
/// </summary>
public sealed class Waiter(Session session)
{
    /// <summary>Longest spin, ns: about what a sleep and a wake cost.</summary>
    private const long SpinLimit = 50_000;

    /// <summary>A sleep shorter than this, ns, would better have been a spin: a sleep and its wake alone are half of it.</summary>
    private const long ShortSleep = 100_000;

    /// <summary>How long, ns, a wait in catch-up that may not skip time lets the others go on.</summary>
    private const long OthersTurn = 200_000;

    /// <summary>Spins in vain before sleeping at once again.</summary>
    private const int SpinTries = 4;

    /// <summary>
    /// After a signal guard conditions are reported later by this, ms. Their triggers are how rclpy's and rclcpp's signal
    /// threads wake executors before they shut the context down: who is woken in between takes down what they still use,
    /// or sees the context as it was and waits again.
    /// </summary>
    private const int SignalPause = 10;

    /// <summary>So many guard conditions are looked for among the triggered ones, not at each of them.</summary>
    private const int ManyGuards = 256;

    private int _spinCredit;

    /// <summary>See ckpt_wait.</summary>
    public Code Wait(ReadOnlySpan<uint> ids, Span<byte> ready, long timeout, int guards = 0)
    {
        if (timeout != 0)
        {
            ThreadsAtWork.CountThread();
        }
        var code = WaitFor(ids, ready, timeout, guards);
        session.ReplayJournal.CatchUp.NoteWork();
        return code;
    }

    private Code WaitFor(ReadOnlySpan<uint> ids, Span<byte> ready, long timeout, int guards)
    {
        var journal = session.ReplayJournal;
        var slot = session.Slot;
        var start = Posix.Now(Posix.MonotonicClock);
        var skippedBefore = journal.Clock.Skipped;
        var hasLimit = timeout is >= 0 and < long.MaxValue;
        var slept = false;
        var interrupted = false;
        var paused = timeout == 0;
        while (true)
        {
            var bell = slot.AcquireUInt32(ProcessTable.Bell);
            lock (journal.Gate)
            {
                if (journal.TryReplayWait(ids, ready, hasLimit, out var timedOut))
                {
                    Report(ids, ready, slept: false, replayed: true);
                    return timedOut ? Code.Timeout : Code.Ok;
                }
            }
            var behind = journal.Clock.IsBehind;
            var skipped = journal.Clock.Skipped;
            var now = long.MaxValue;
            if (behind)
            {
                if (timeout != 0)
                {
                    journal.CatchUp.NoteWait();
                }
                now = journal.Clock.Now;
            }
            if (Collect(ids, ready, by: now, guards))
            {
                if (interrupted && !behind && HasGuard(ids, ready))
                {
                    Thread.Sleep(SignalPause);
                }
                if (!paused && !behind && Fruitless.PauseBefore(bell, ids, ready) is > 0 and var pause)
                {
                    paused = true;
                    var left = hasLimit ? Math.Max(0, timeout - Elapsed(skipped)) : -1;
                    interrupted |= ProcessTable.Sleep(slot, bell, Earlier(left, Earlier(UntilDue(ids), pause)));
                    continue;
                }
                interrupted = false;
                if (TryRecordReady(journal, ids, ready))
                {
                    Fruitless.NoteReport(bell, ids, ready);
                    session.Callbacks.Announce(ids, ready);
                    Report(ids, ready, slept);
                    return Code.Ok;
                }
                continue;
            }
            var elapsed = Elapsed(skipped);
            if (hasLimit && elapsed >= timeout)
            {
                if (TryRecordTimeOut(journal, ids))
                {
                    return Code.Timeout;
                }
                continue;
            }
            var remaining = hasLimit ? timeout - elapsed : -1;
            if (behind)
            {
                if (!TrySkip(journal, ids, now, skipped, remaining))
                {
                    ProcessTable.Sleep(slot, bell, OthersTurn);
                }
                continue;
            }
            interrupted |= Sleep(slot, bell, session.EntityTable.HasTimedEvents ? Earlier(remaining, UntilDue(ids)) : remaining);
            session.Traffic.CaughtUp();
            slept = true;
        }

        // In ROS time: what was skipped has passed for this wait too.
        long Elapsed(long skipped) => Posix.Now(Posix.MonotonicClock) - start + skipped - skippedBefore;
    }

    /// <summary>Jumps to whatever comes next in ROS time. False: not now.</summary>
    private bool TrySkip(ReplayJournal journal, ReadOnlySpan<uint> ids, long now, long skipped, long remaining)
    {
        var step = journal.Clock.Lag;
        foreach (var id in ids)
        {
            if (session.Find(id) is { } entity)
            {
                step = Math.Min(step, Math.Max(0, entity.NextArrival - now));
            }
        }
        step = remaining >= 0 ? Math.Min(step, remaining) : step;
        return journal.CatchUp.TrySkip(now, skipped, step);
    }

    /// <summary>How long until an event is due that only time causes, ns; -1: there is none.</summary>
    private long UntilDue(ReadOnlySpan<uint> ids)
    {
        var first = long.MaxValue;
        foreach (var id in ids)
        {
            first = session.Find(id) is TimedEvent timed ? Math.Min(first, timed.NextArrival) : first;
        }
        return session.ReplayJournal.Clock.Until(first);
    }

    /// <summary>The shorter of two times, of which a negative one is endless.</summary>
    private static long Earlier(long one, long other) => one < 0 ? other : other < 0 ? one : Math.Min(one, other);

    /// <summary>Whether a wait on these entities would return at once, or the journal says what it returns.</summary>
    public bool HasReady(ReadOnlySpan<uint> ids)
    {
        lock (session.ReplayJournal.Gate)
        {
            if (session.ReplayJournal.Replays())
            {
                return true;
            }
        }
        foreach (var id in ids)
        {
            if (session.Find(id)?.IsReady(long.MaxValue) == true)
            {
                return true;
            }
        }
        return false;
    }

    private bool Collect(ReadOnlySpan<uint> ids, Span<byte> ready, long by, int guards)
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

    private void Report(ReadOnlySpan<uint> ids, ReadOnlySpan<byte> ready, bool slept, bool replayed = false)
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
    private bool TryRecordReady(ReplayJournal journal, ReadOnlySpan<uint> ids, Span<byte> ready)
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
    internal static int Next(ReadOnlySpan<byte> ready, int from)
    {
        var index = ready[from..].IndexOf((byte)1);
        return index < 0 ? -1 : from + index;
    }

    private static bool TryRecordTimeOut(ReplayJournal journal, ReadOnlySpan<uint> ids)
    {
        lock (journal.Gate)
        {
            return journal.TryRecord(Determinant.TimedOut, ids.IsEmpty ? 0 : ids[0], 0, 0);
        }
    }

    private bool HasGuard(ReadOnlySpan<uint> ids, ReadOnlySpan<byte> ready)
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

    /// <summary>Until the bell rings or the time is over, or sooner. True: a signal came.</summary>
    private bool Sleep(Region slot, uint bell, long remaining)
    {
        var start = Posix.Now(Posix.MonotonicClock);
        if (Volatile.Read(ref _spinCredit) > 0 && Environment.ProcessorCount > 1)
        {
            var limit = remaining >= 0 ? Math.Min(remaining, SpinLimit) : SpinLimit;
            do
            {
                for (var i = 0; i < 32; i++)
                {
                    Thread.SpinWait(2);
                    if (slot.AcquireUInt32(ProcessTable.Bell) != bell)
                    {
                        Volatile.Write(ref _spinCredit, SpinTries);
                        return false;
                    }
                }
            }
            while (Posix.Now(Posix.MonotonicClock) - start < limit);
            Volatile.Write(ref _spinCredit, Math.Max(0, _spinCredit - 1));
        }
        var interrupted = ProcessTable.Sleep(slot, bell, remaining);
        if (Posix.Now(Posix.MonotonicClock) - start < ShortSleep)
        {
            Volatile.Write(ref _spinCredit, SpinTries);
        }
        return interrupted;
    }
}
