using RmwCkpt.Log;
using RmwCkpt.Memory;
using RmwCkpt.Registry;

namespace RmwCkpt.Middleware;

/// <summary>What a replay does to the rest of the session.</summary>
internal interface IReplayed
{
    /// <summary>The former life's endpoint began to read a log here.</summary>
    void ReplayMatch(uint entity, Gid log, long first);

    /// <summary>The journal is at its end: live from here.</summary>
    void ReplayEnded();

    /// <summary>A freeze has left time to catch up with.</summary>
    void FellBehind();

    /// <summary>Whether this is a guard condition that is triggered.</summary>
    bool IsTriggered(uint id);
}

/// <summary>
/// The journal of one process: what it writes when live and what it re-reads when it replays. It replays exactly while a
/// committed cell stands at the journal's position, so a restored process needs no word from outside to know.
/// Thread-safety: <see cref="Gate"/> is held around every call; it comes after an endpoint's own lock.
/// </summary>
public sealed partial class Determinants : IDisposable
{
    /// <summary>How long, ns, a replaying thread lets the journal stand still before it gives it up.</summary>
    private const long Patience = 2_000_000_000;

    /// <summary>The same before it makes do without the cell that it asks for.</summary>
    private const long ShortPatience = 50_000_000;

    /// <summary>The same before it passes cells on which nothing depends: who was told of what, at which time.</summary>
    private const long ShortestPatience = 4_000_000;

    /// <summary>How often it looks where nobody tells it.</summary>
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(2);

    /// <summary>ns without a wait in catch-up: there may be none.</summary>
    private const long WaitsAreOver = 100_000_000;

    /// <summary>ns; of a longer time it was perhaps not let run, and its timers are late as it is.</summary>
    private const long LongestPace = 20_000_000;

    private readonly IReplayed _session;
    private readonly Journal _journal;
    private readonly Region _slot;
    private readonly Dictionary<Gid, uint> _numbers = [];
    private readonly List<Gid> _logs = [];
    private uint _incarnation;
    private uint _freezes;
    private bool _replaying;
    private bool _revived;
    private bool _broken;
    private ulong _logProcess;
    private long _waited;
    private long _paced;

    internal Determinants(IReplayed session, Journal journal, Region slot, uint incarnation, bool resumed)
    {
        _session = session;
        _journal = journal;
        _slot = slot;
        _incarnation = incarnation;
        if (resumed)
        {
            BeginReplay();
        }
    }

    public object Gate { get; } = new();

    public RosClock Clock { get; } = new();

    /// <summary>True from the first sign of a new life until the journal's end.</summary>
    public bool IsReplaying
    {
        get
        {
            if (_slot.AcquireUInt32(ProcessTable.Incarnation) != _incarnation)
            {
                _incarnation = _slot.AcquireUInt32(ProcessTable.Incarnation);
                BeginReplay();
            }
            if (!_replaying)
            {
                return false;
            }
            ApplyMatches();
            if (_journal.HasNext)
            {
                return true;
            }
            EndReplay();
            return false;
        }
    }

    /// <summary>
    /// In replay: takes the next cell, which must be one of two kinds and, unless 0, of this entity. False: live.
    /// A thread whose turn it is not yet waits for the others; if none comes, the journal does not describe this
    /// execution, and what is left of it is given up: counted, reported, and the process goes on live.
    /// </summary>
    public bool TryReplay(Determinant kind, Determinant other, uint entity, out Cell cell)
    {
        var stillness = default(Stillness);
        while (TryPeekStrict(out cell))
        {
            if ((cell.Kind == (byte)kind || cell.Kind == (byte)other) && (entity == 0 || entity == cell.Entity))
            {
                Consumed(cell);
                return true;
            }
            var still = stillness.Lasts(_journal.Position);
            if (cell.Kind == (byte)Determinant.Ready && still > ShortestPatience)
            {
                PassReady([]);
                continue;
            }
            if (still > Patience)
            {
                GiveUp(kind, entity, cell);
                break;
            }
            Monitor.Wait(Gate, s_look);
        }
        cell = default;
        return false;
    }

    /// <summary>
    /// In replay: waits for what another thread is on the way to. False: it did not come while the journal stood still for
    /// long. Takes <see cref="Gate"/> itself.
    /// </summary>
    public bool AwaitProgress(Func<bool> hasCome)
    {
        var stillness = default(Stillness);
        lock (Gate)
        {
            while (!hasCome())
            {
                if (stillness.Lasts(_journal.Position) > Patience)
                {
                    return false;
                }
                Monitor.Wait(Gate, s_look);
            }
            return true;
        }
    }

    /// <summary>In replay, the next cell that must be matched; others are passed. False: live.</summary>
    private bool TryPeekStrict(out Cell cell)
    {
        while (IsReplaying && _journal.TryPeek(out cell))
        {
            if (!IsLenient(cell))
            {
                return true;
            }
            Pass(cell);
        }
        cell = default;
        return false;
    }

    /// <summary>How long a replaying thread that waits for its turn has seen the journal stand still.</summary>
    private struct Stillness
    {
        private long _position;
        private long _since;

        /// <summary>ns until now, at this position; 0 where the journal has moved since the last question.</summary>
        public long Lasts(long position)
        {
            var now = Posix.Now(Posix.MonotonicClock);
            if (_since == 0 || position != _position)
            {
                (_position, _since) = (position, now);
            }
            return now - _since;
        }
    }

    /// <summary>Journals a determinant. False: a new life began under this call; look again.</summary>
    public bool TryRecord(Determinant kind, uint entity, uint detail, long value)
    {
        if (IsReplaying)
        {
            return false;
        }
        if (kind is Determinant.Take or Determinant.Ready or Determinant.TimedOut)
        {
            _slot.Write(ProcessTable.LastTake, _journal.Position);
        }
        return Append(kind, entity, detail, value);
    }

    /// <summary>Journals that an endpoint reads a log from a sequence on. False: it is replaying; not now.</summary>
    public bool TryRecordMatch(uint entity, Gid log, long first)
    {
        if (IsReplaying)
        {
            return false;
        }
        return TryNumber(log, out var number) && Append(Determinant.Match, entity, number, first);
    }

    /// <summary>The number by which the journal names a log.</summary>
    public bool TryNumber(Gid log, out uint number)
    {
        if (_numbers.TryGetValue(log, out number))
        {
            return true;
        }
        number = (uint)_logs.Count;
        if (!Append(Determinant.LogProcess, 0, number, (long)log.Process)
            || !Append(Determinant.LogEntity, 0, number, log.Entity | ((long)log.Domain << 32)))
        {
            return false;
        }
        Name(log);
        return true;
    }

    /// <summary>The log of a number, as in a replayed take.</summary>
    public Gid LogOf(uint number) => number < _logs.Count ? _logs[(int)number] : default;

    /// <summary>In catch-up: skips time. Notes when none of the lag is left.</summary>
    public void Skip(long time)
    {
        Clock.Skip(time);
        NoteLive();
    }

    /// <summary>In catch-up: a wait looks that may skip time, so that nothing else need.</summary>
    public void NoteWait() => Volatile.Write(ref _waited, Posix.Now(Posix.MonotonicClock));

    /// <summary>
    /// In catch-up, where nobody waits (callbacks, polling, a loop at a rate): ROS time runs half as fast again. Those who sleep by it cannot
    /// be woken, and a timer that is late by less than its period misses no tick. Takes <see cref="Gate"/> itself.
    /// </summary>
    public void Pace()
    {
        lock (Gate)
        {
            if (IsReplaying || !Clock.IsBehind)
            {
                _paced = 0;
                return;
            }
            var now = Posix.Now(Posix.MonotonicClock);
            if (_paced != 0 && now - Volatile.Read(ref _waited) > WaitsAreOver)
            {
                Clock.Skip(Math.Min(now - _paced, LongestPace) / 2);
                NoteLive();
            }
            _paced = now;
        }
    }

    private bool Append(Determinant kind, uint entity, uint detail, long value)
    {
        if (_broken)
        {
            return true;
        }
        try
        {
            if (!_journal.TryAppend(new Cell((byte)kind, entity, detail, value)))
            {
                BeginReplay();
                return false;
            }
        }
        catch (IOException e)
        {
            _broken = true;
            Report.Error($"the journal cannot be written ({e.Message}): this process cannot be recovered from now on");
            return true;
        }
        _slot.Write(ProcessTable.JournalEnd, _journal.Position);
        _slot.Write(ProcessTable.JournalFirst, _journal.First);
        return true;
    }

    private void Consumed(in Cell cell)
    {
        if (cell.Kind is (byte)Determinant.Take or (byte)Determinant.Ready or (byte)Determinant.TimedOut)
        {
            _slot.Write(ProcessTable.LastTake, _journal.Position);
        }
        if (cell.Kind is (byte)Determinant.Take or (byte)Determinant.Nothing)
        {
            _told.Remove(cell.Entity);
        }
        if (cell.Kind == (byte)Determinant.Take)
        {
            _slot.Write(ProcessTable.Replayed, _slot.ReadInt64(ProcessTable.Replayed) + 1);
            KillPoints.Hit(KillPoint.ReplayMiddle);
        }
        _journal.Advance();
        Monitor.PulseAll(Gate);
    }

    /// <summary>Matches and log names between two determinants: what the monitor thread did at that moment.</summary>
    private void ApplyMatches()
    {
        while (_journal.TryPeek(out var cell))
        {
            switch ((Determinant)cell.Kind)
            {
                case Determinant.LogProcess:
                    _logProcess = (ulong)cell.Value;
                    break;
                case Determinant.LogEntity:
                    Name(new Gid(_logProcess, (uint)cell.Value, (uint)(cell.Value >> 32)));
                    break;
                case Determinant.Match:
                    _session.ReplayMatch(cell.Entity, LogOf(cell.Detail), cell.Value);
                    break;
                default:
                    return;
            }
            _journal.Advance();
        }
    }

    private void Name(Gid log)
    {
        if (_numbers.TryAdd(log, (uint)_logs.Count))
        {
            _logs.Add(log);
        }
    }

    private void BeginReplay()
    {
        if (!_replaying)
        {
            _replaying = true;
            _told.Clear();
            Clock.BeginLife();
            _slot.Write(ProcessTable.Mode, (uint)ProcessMode.Replay);
            KillPoints.Hit(KillPoint.ReplayStart);
        }
    }

    private void EndReplay()
    {
        KillPoints.Hit(KillPoint.ReplayEnd);
        _replaying = false;
        _revived = true;
        _freezes = _slot.AcquireUInt32(ProcessTable.Freezes);
        Clock.EndReplay();
        _slot.Write(ProcessTable.Mode, (uint)ProcessMode.CatchUp);
        NoteLive();
        _session.ReplayEnded();
    }

    private void NoteLive()
    {
        _paced = Clock.IsBehind ? _paced : 0;
        if (!Clock.IsBehind && _slot.ReadUInt32(ProcessTable.Mode) != (uint)ProcessMode.Live)
        {
            if (_revived)
            {
                _revived = false;
                _slot.Write(ProcessTable.LiveAt, Posix.Now(Posix.RealtimeClock));
            }
            _slot.Release(ProcessTable.Mode, (uint)ProcessMode.Live);
        }
    }

    private void GiveUp(Determinant wanted, uint entity, in Cell found)
    {
        var position = _journal.Position;
        while (_journal.TryPeek(out var cell))
        {
            if ((Determinant)cell.Kind is Determinant.LogProcess or Determinant.LogEntity or Determinant.Match)
            {
                ApplyMatches();
            }
            else
            {
                _journal.Advance();
            }
        }
        _slot.Write(ProcessTable.Divergences, _slot.ReadInt64(ProcessTable.Divergences) + 1);
        Report.Error(
            $"divergence: at journal cell {position} the former life did {(Determinant)found.Kind} of entity {found.Entity}, "
            + $"this one {wanted} of entity {entity}; the last {_journal.Position - position} cells are given up");
    }

    public void Dispose() => _journal.Dispose();
}
