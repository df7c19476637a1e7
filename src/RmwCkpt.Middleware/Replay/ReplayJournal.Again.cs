using System.Buffers.Binary;
using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Replay;

/// <summary>What each question gets in replay, and when it is live.</summary>
public sealed partial class ReplayJournal
{
    /// <summary>More random bytes than this at once are not journalled: they seed something, whose state is in snapshots.</summary>
    public const int MaxRandom = 4096;

    /// <summary>Entities of whose messages this replay has told, and from which nobody has taken since.</summary>
    private readonly HashSet<uint> _told = [];

    private readonly Triggers _triggers = new();

    /// <summary>Roles that a thread of this life has had.</summary>
    private readonly HashSet<uint> _seen = [];

    /// <summary>
    /// In replay: the next take from an entity, when it is its turn. False: live. Where the former life took no more, nothing.
    /// </summary>
    public bool TryReplayTake(uint entity, out Cell cell)
    {
        while (true)
        {
            var isReplayed = TryReplayTake(entity, out cell, out var moves);
            if (isReplayed || moves < 0)
            {
                return isReplayed;
            }
            _patience.Wait(Gate);
        }
    }

    /// <summary>
    /// As the other one, for who holds other locks: where it is not its turn, <paramref name="moves"/> is what
    /// <see cref="AwaitMove"/> wants to know; else negative.
    /// </summary>
    public bool TryReplayTake(uint entity, out Cell cell, out int moves)
    {
        moves = -1;
        while (Replays())
        {
            var step = _schedule.NextTake(entity);
            if (step >= 0 && (_schedule[step].Kind == (byte)Determinant.Nothing || step == _schedule.FirstTake || _patience.IsOverForTurns))
            {
                cell = Do(step);
                _told.Remove(entity);
                return true;
            }
            if (Phase == ReplayPhase.Draining)
            {
                LeaveReadings();
            }
            else if (step < 0 && _patience.IsOverForSteps)
            {
                _told.Remove(entity);
                if (_patience.IsOver)
                {
                    GiveUp("take from", entity);
                    continue;
                }
                cell = new Cell((byte)Determinant.Nothing, entity, 0, 0);
                return true;
            }
            (cell, moves) = (default, _patience.Moves);
            return false;
        }
        cell = default;
        return false;
    }

    /// <summary>Waits, not for long, until others have done something. Takes <see cref="Gate"/> itself; no other lock may be held.</summary>
    public void AwaitMove(int moves)
    {
        lock (Gate)
        {
            if (moves == _patience.Moves && !IsDisposed)
            {
                _patience.Wait(Gate);
            }
        }
    }

    /// <summary>
    /// In replay: what the former life's wait on these entities returned. A wait that died half-recorded returns what was
    /// recorded: nothing can depend on the rest. False: live. <paramref name="mayTimeOut"/>: whether this wait has a limit.
    /// </summary>
    public bool TryReplayWait(ReadOnlySpan<uint> ids, Span<byte> ready, bool mayTimeOut, out bool timedOut)
    {
        timedOut = false;
        while (Replays())
        {
            var (wait, take) = (_schedule.NextWait(_roles.Mine, ids, mayTimeOut), _schedule.FirstTake);
            if (wait >= 0 && (take < 0 || take > wait || _patience.IsShort) && !AwaitsTrigger(wait, ids))
            {
                ready.Clear();
                timedOut = _schedule[wait].Kind == (byte)Determinant.TimedOut;
                ReplayWait(wait, ids, ready);
                return true;
            }
            var entity = take < 0 ? 0 : _schedule[take].Entity;
            if (Replay.Timers.IsAwaited(entity))
            {
                // As with a take: the wait returns for it, though it has none of the entities.
                ready.Clear();
                _told.Add(entity);
                return timedOut = true;
            }
            var index = take < 0 ? -1 : ReplaySchedule.IndexOf(ids, entity);
            if (index >= 0 && (!_told.Contains(entity) || _patience.IsOverForSteps))
            {
                // Nobody is on the way to this take: the former life's wait had another thread's result.
                ready.Clear();
                Tell(entity, ready, index);
                return true;
            }
            if (Phase == ReplayPhase.Draining)
            {
                LeaveReadings();
            }
            else if (((take >= 0 && index < 0) || _patience.IsShort) && FindTriggered(ids, ready))
            {
                // Another thread of this life wants this one to look at other entities, as the next take's.
                return true;
            }
            else if (_patience.IsOver)
            {
                GiveUp("wait for", ids.IsEmpty ? 0 : ids[0] & Session.EntityMask);
                continue;
            }
            _patience.Wait(Gate);
        }
        return false;
    }

    /// <summary>
    /// In replay: which entity's callback is to be called for the next take, once for each <paramref name="position"/>.
    /// </summary>
    public bool TryPeekTake(out uint entity, out long position)
    {
        _patience.HasCallbacks = _schedule.CallsAside = true;
        if (Replays() && _schedule.FirstTry is >= 0 and var next)
        {
            (entity, position) = (_schedule[next].Entity, _schedule.PositionOf(next));
            return true;
        }
        (entity, position) = (0, -1);
        return false;
    }

    /// <summary>Reads a clock: what its role read, if it comes to that; else the translated one, journalled.</summary>
    public long ReadClock(int clock, long real)
    {
        while (!IsDisposed)
        {
            var replays = Replays();
            if (TryRead(Determinant.Time, 0, (uint)clock, out var read))
            {
                Clock.Replay(clock, read);
                return RosClock.NotBefore(clock, read);
            }
            if (replays && _causes.IsEnded(_roles.Mine) && !_patience.IsOverForSteps)
            {
                // Others are about to be live, and then it reads the clock.
                _patience.Wait(Gate);
                continue;
            }
            // Until all are at the journal's end, time stands still for those who are.
            var last = replays ? Clock.Last(clock) : 0;
            var time = last > 0 ? last : CatchUp.Read(clock, real);
            if ((replays && _schedule.LeftOf(_roles.Mine) >= 0) || TryAppend(Determinant.Time, 0, (uint)clock, time))
            {
                return RosClock.Note(clock, time);
            }
        }
        return real;
    }

    /// <summary>The answer of a graph query: the former life's, if its thread comes to it; else the given one, journalled.</summary>
    public long Query(uint entity, long answer)
    {
        while (true)
        {
            var replays = Replays();
            if (TryRead(Determinant.Query, entity, 0, out var read))
            {
                return read;
            }
            if ((replays && _schedule.LeftOf(_roles.Mine) >= 0) || TryAppend(Determinant.Query, entity, 0, answer))
            {
                return answer;
            }
        }
    }

    /// <summary>
    /// Random bytes: the former life's, if their thread comes to them; else the given ones, journalled. Takes <see cref="Gate"/>
    /// itself.
    /// </summary>
    public void ReadRandom(Span<byte> bytes)
    {
        var asked = (uint)bytes.Length;
        Span<byte> eight = stackalloc byte[8];
        lock (Gate)
        {
            for (; bytes.Length > 0; bytes = bytes[Math.Min(8, bytes.Length)..])
            {
                var part = bytes[..Math.Min(8, bytes.Length)];
                eight.Clear();
                part.CopyTo(eight);
                bool isRead;
                var replays = false;
                do
                {
                    replays = Replays();
                    isRead = TryRead(Determinant.Random, 0, asked, out var read);
                    if (isRead)
                    {
                        BinaryPrimitives.WriteInt64LittleEndian(eight, read);
                        eight[..part.Length].CopyTo(part);
                    }
                }
                while (!isRead && !(replays && _schedule.LeftOf(_roles.Mine) >= 0)
                    && !TryAppend(Determinant.Random, 0, asked, BinaryPrimitives.ReadInt64LittleEndian(eight)));
            }
        }
    }

    /// <summary>
    /// In replay: waits for what another thread is on the way to. False: it did not come while nothing moved for long. Takes
    /// <see cref="Gate"/> itself.
    /// </summary>
    public bool AwaitProgress(Func<bool> hasCome)
    {
        lock (Gate)
        {
            _patience.Moved(isOrdered: true);
            while (!hasCome())
            {
                if (_patience.IsOver)
                {
                    return false;
                }
                // Its caller holds an endpoint's lock.
                _patience.Clock.Wait(Gate);
            }
            return true;
        }
    }

    private bool TryRead(Determinant kind, uint entity, uint detail, out long value)
    {
        value = 0;
        if (_schedule.Readings == 0)
        {
            return false;
        }
        var step = _schedule.NextReading(_roles.Mine, kind, entity, detail);
        if (step < 0 && Phase != ReplayPhase.Live && _schedule.LeftOf(_roles.Mine) < 0 && !_seen.Contains(_roles.Mine))
        {
            // A thread that the former life had not by this number: threads that begin at once may be numbered otherwise.
            step = _schedule.NextReadingOfOthers(_seen, kind, entity, detail);
        }
        if (step < 0)
        {
            return false;
        }
        _roles.Take(_schedule[step].Role);
        _seen.Add(_roles.Mine);
        value = _schedule[step].Value;
        _schedule.Do(step);
        _patience.Moved(isOrdered: false);
        Monitor.PulseAll(Gate);
        return true;
    }

    /// <summary>A take or wait is done again, by the calling thread.</summary>
    private Cell Do(int step)
    {
        var (cell, position) = (_schedule[step], _schedule.PositionOf(step));
        _schedule.Do(step);
        _roles.Take(cell.Role);
        _seen.Add(cell.Role);
        if (cell.Kind != (byte)Determinant.Nothing)
        {
            _causes.Note(position, cell.Role);
            _slot.Write(ProcessTable.LastTake, position);
        }
        _patience.Moved(isOrdered: true);
        if (cell.Kind == (byte)Determinant.Take)
        {
            _slot.Write(ProcessTable.Replayed, _slot.ReadInt64(ProcessTable.Replayed) + 1);
            KillPoints.Hit(KillPoint.ReplayMiddle);
        }
        Monitor.PulseAll(Gate);
        return cell;
    }

    private void ReplayWait(int step, ReadOnlySpan<uint> ids, Span<byte> ready)
    {
        while (step >= 0)
        {
            var more = _schedule.MoreOf(step);
            var cell = Do(step);
            if (cell.Kind == (byte)Determinant.Ready && ReplaySchedule.IndexOf(ids, cell.Entity) is >= 0 and var index)
            {
                Tell(cell.Entity, ready, index);
                _triggers.NoteTold(cell.Entity);
            }
            step = more;
        }
    }

    private void Tell(uint entity, Span<byte> ready, int index)
    {
        ready[index] = 1;
        _told.Add(entity);
    }

    /// <summary>
    /// Whether a wait of the former life was woken by a guard condition that this one has not triggered yet, and is on the way
    /// to: what comes after that finds all as it was then, as that a thread is done.
    /// </summary>
    private bool AwaitsTrigger(int step, ReadOnlySpan<uint> ids)
    {
        for (; step >= 0; step = _schedule.MoreOf(step))
        {
            var cell = _schedule[step];
            if (cell.Kind == (byte)Determinant.Ready && ReplaySchedule.IndexOf(ids, cell.Entity) is >= 0 and var index
                && _session.AwaitsTrigger(ids[index]) && _triggers.IsAwaited(cell.Entity, _patience.IsOverForTurns))
            {
                return true;
            }
        }
        return false;
    }

    private bool FindTriggered(ReadOnlySpan<uint> ids, Span<byte> ready)
    {
        ready.Clear();
        for (var i = 0; i < ids.Length; i++)
        {
            ready[i] = _session.IsTriggered(ids[i]) ? (byte)1 : (byte)0;
        }
        return ready.Contains((byte)1);
    }
}
