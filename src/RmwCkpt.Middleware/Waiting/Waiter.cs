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
    /// <summary>How long, ns, a wait in catch-up that may not skip time lets the others go on.</summary>
    private const long OthersTurn = 200_000;

    /// <summary>
    /// After a signal guard conditions are reported later by this, ms. Their triggers are how rclpy's and rclcpp's signal
    /// threads wake executors before they shut the context down: who is woken in between takes down what they still use,
    /// or sees the context as it was and waits again.
    /// </summary>
    private const int SignalPause = 10;

    private readonly ReadyEntities _ready = new(session);
    private readonly DoorbellSleep _sleep = new();

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
                    _ready.Report(ids, ready, slept: false, replayed: true);
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
            if (_ready.Collect(ids, ready, by: now, guards))
            {
                if (interrupted && !behind && _ready.HasGuard(ids, ready))
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
                if (_ready.TryRecord(journal, ids, ready))
                {
                    Fruitless.NoteReport(bell, ids, ready);
                    session.Callbacks.Announce(ids, ready);
                    _ready.Report(ids, ready, slept);
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
            interrupted |= _sleep.Until(slot, bell, session.EntityTable.HasTimedEvents ? Earlier(remaining, UntilDue(ids)) : remaining);
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

    private static bool TryRecordTimeOut(ReplayJournal journal, ReadOnlySpan<uint> ids)
    {
        lock (journal.Gate)
        {
            return journal.TryRecord(Determinant.TimedOut, ids.IsEmpty ? 0 : ids[0], 0, 0);
        }
    }
}
