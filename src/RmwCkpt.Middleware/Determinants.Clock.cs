using RmwCkpt.Log;
using RmwCkpt.Memory;
using RmwCkpt.Registry;

namespace RmwCkpt.Middleware;

/// <summary>
/// Clock reads. Messages carry stamps and timers compare times, so each thread gets in replay what it got in the former
/// life, whatever the others do meanwhile. A cell says which thread it is of (<see cref="Roles"/>). Cells that others need
/// passed are kept for their thread until it is past them.
/// </summary>
public sealed partial class Determinants
{
    /// <summary>Reads without a cell of the thread's own after which threads are taken to hand work around: no more waits.</summary>
    private const int FewStrangers = 4;

    /// <summary>Reads that are kept for one thread.</summary>
    private const int MostPassed = 4096;

    /// <summary>How long, ns, a replay that has come to its end waits for threads that have not.</summary>
    private const long DrainPatience = 100_000_000;

    /// <summary>The same where a thread sleeps by the clock and does not wait here: an events executor's timers.</summary>
    private const long TimerPatience = 1_000_000_000;

    private readonly Dictionary<uint, Queue<Cell>> _passed = [];

    /// <summary>Roles whose threads have read a clock in this replay.</summary>
    private readonly HashSet<uint> _readers = [];

    private int _strangers;
    private int _passedCount;
    private long _drained;

    /// <summary>Reads a clock: the journal's value in replay, else the translated one, journalled.</summary>
    public long ReadClock(int clock, long real)
    {
        while (true)
        {
            if (_disposed)
            {
                return real;
            }
            if (IsReplaying && TryReplayClock((uint)clock, out var replayed))
            {
                return replayed;
            }
            var time = ReadLiveClock(clock, real);
            if (Append(Determinant.Time, _roles.Mine, (uint)clock, time))
            {
                return time;
            }
        }
    }

    private long ReadLiveClock(int clock, long real)
    {
        if (FrozenFor() is > 0 and var frozen)
        {
            Clock.GoOnFrom(clock, real, frozen);
            if (Clock.IsBehind)
            {
                _slot.Write(ProcessTable.Mode, (uint)ProcessMode.CatchUp);
                _catchUp.Begin();
                _session.FellBehind();
            }
        }
        if (Clock.IsBehind)
        {
            _catchUp.Work();
            Pace();
        }
        return Clock.Translate(clock, real);
    }

    /// <summary>False: the replay is over.</summary>
    private bool TryReplayClock(uint clock, out long time)
    {
        var stillness = default(Stillness);
        while (IsReplaying)
        {
            if (TryTakePassed(clock, out time) || TryReachOwn(clock, out time))
            {
                _readers.Add(_roles.Mine);
                Monitor.PulseAll(Gate);
                return true;
            }
            var hasNext = _journal.TryPeek(out var cell);
            if (!hasNext || (_strangers < FewStrangers && stillness.Lasts(_journal.Position) < ShortestPatience))
            {
                // Another thread's turn; or this one is at the journal's end, and others are not.
                Monitor.Wait(Gate, s_look);
                continue;
            }
            _strangers++;
            if (cell.Kind == (byte)Determinant.Time && cell.Detail == clock)
            {
                _roles.Take(cell.Entity);
                continue;
            }
            // Where there is no read, time only stands still a little.
            time = Clock.Last((int)clock);
            return true;
        }
        time = 0;
        return false;
    }

    /// <summary>The next read that was kept for this thread.</summary>
    private bool TryTakePassed(uint clock, out long time)
    {
        time = 0;
        if (_passedCount == 0 || !_passed.TryGetValue(_roles.Mine, out var kept))
        {
            return false;
        }
        while (kept.TryDequeue(out var cell))
        {
            _passedCount--;
            _drained = Posix.Now(Posix.MonotonicClock);
            if (cell.Detail == clock)
            {
                time = cell.Value;
                return true;
            }
        }
        return false;
    }

    /// <summary>Takes this thread's next read, if nothing but other threads' reads is before it.</summary>
    private bool TryReachOwn(uint clock, out long time)
    {
        var start = _journal.Position;
        var mine = _roles.Mine;
        time = 0;
        while (_journal.TryPeek(out var cell) && cell.Kind == (byte)Determinant.Time)
        {
            if (cell.Entity != mine)
            {
                _journal.Advance();
                continue;
            }
            if (cell.Detail != clock)
            {
                break;
            }
            var own = _journal.Position;
            _journal.Seek(start);
            while (_journal.Position < own && _journal.TryPeek(out var other))
            {
                Pass(other);
            }
            Clock.Replay((int)(clock & 1), cell.Value);
            _journal.Advance();
            time = cell.Value;
            return true;
        }
        _journal.Seek(start);
        return false;
    }

    /// <summary>Keeps a read that is passed for its thread.</summary>
    private void KeepPassed(in Cell cell)
    {
        if (!_passed.TryGetValue(cell.Entity, out var kept))
        {
            _passed.Add(cell.Entity, kept = new Queue<Cell>());
        }
        if (kept.Count == MostPassed)
        {
            kept.Dequeue();
            _passedCount--;
        }
        kept.Enqueue(cell);
        _passedCount++;
        _drained = Posix.Now(Posix.MonotonicClock);
    }

    /// <summary>This thread is where the journal is: what it has not read before, it does not read again.</summary>
    private void DropPassed()
    {
        if (_passedCount > 0 && _passed.Remove(_roles.Mine, out var kept))
        {
            _passedCount -= kept.Count;
        }
    }

    /// <summary>Whether threads still come for what was kept for them.</summary>
    private bool IsDraining =>
        _passedCount > 0 && _strangers < FewStrangers
        && Posix.Now(Posix.MonotonicClock) - _drained < (_hasCallbacks ? TimerPatience : DrainPatience);

    /// <summary>A thread that read clocks does not any more.</summary>
    private void GiveUpReader(uint role)
    {
        _strangers++;
        _readers.Remove(role);
    }

    private void EndDraining()
    {
        _passed.Clear();
        _readers.Clear();
        (_passedCount, _strangers) = (0, 0);
    }

    /// <summary>How long callbacks wait for who is to read a clock before they pass a cell.</summary>
    private long PatienceFor(in Cell cell) =>
        cell.Kind == (byte)Determinant.Time && _strangers < FewStrangers && _readers.Contains(cell.Entity)
            ? TimerPatience
            : ShortestPatience;
}
