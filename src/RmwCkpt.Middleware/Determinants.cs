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

    /// <summary>The same before a thread takes before its turn: the one whose turn it is may be waiting for it.</summary>
    private const long TurnPatience = 15_000_000;

    /// <summary>How long, ns, after a journal could not be written it is tried again.</summary>
    private const long Retry = 100_000_000;

    /// <summary>Cells among which a thread looks for what it may take before its turn.</summary>
    private const int MostAhead = 1024;

    /// <summary>How often it looks where nobody tells it.</summary>
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(2);

    private readonly IReplayed _session;
    private readonly Journal _journal;
    private readonly Region _slot;
    private readonly Dictionary<Gid, uint> _numbers = [];
    private readonly List<Gid> _logs = [];
    private readonly Roles _roles = new();

    /// <summary>Cells that were taken before their turn.</summary>
    private readonly HashSet<long> _ahead = [];

    /// <summary>How long takes, one after the other, have seen the journal stand still.</summary>
    private Stillness _standstill;
    private uint _incarnation;
    private uint _freezes;
    private bool _replaying;
    private bool _revived;
    private bool _broken;
    private long _triedAt;
    private volatile bool _disposed;
    private ulong _logProcess;

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

    /// <summary>This process' slot in the domain whose master takes its snapshots, if it is another one. Under the gate.</summary>
    public Region HomeSlot { get; set; }

    public RosClock Clock { get; } = new();

    /// <summary>True from the first sign of a new life until the journal's end.</summary>
    public bool IsReplaying
    {
        get
        {
            if (_disposed)
            {
                return false;
            }
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
            if (_journal.HasNext || IsDraining)
            {
                return true;
            }
            EndReplay();
            return false;
        }
    }

    /// <summary>
    /// In replay: takes the next cell, which must be of this entity's takes. False: live.
    /// A thread whose turn it is not yet waits for the others. If none comes it takes before its turn, or, where the former
    /// life took no more, nothing. If the journal stands still for long it does not describe this execution, and what is
    /// left of it is given up: counted, reported, and the process goes on live.
    /// </summary>
    public bool TryReplayTake(uint entity, out Cell cell)
    {
        var stillness = default(Stillness);
        while (TryPeekStrict(out var next))
        {
            if (IsTakeOf(next, entity))
            {
                cell = next;
                Consumed(cell);
                return true;
            }
            var still = stillness.Lasts(_journal.Position);
            if (next.Kind == (byte)Determinant.Ready && still > ShortestPatience)
            {
                PassReady([]);
            }
            else if (still > TurnPatience && TryReplayAhead(entity, out cell))
            {
                return true;
            }
            else if (_standstill.Lasts(_journal.Position) > Patience)
            {
                GiveUp(Determinant.Take, entity, next);
            }
            else if (still > ShortPatience)
            {
                cell = new Cell((byte)Determinant.Nothing, entity, 0, 0);
                _told.Remove(entity);
                return true;
            }
            else
            {
                Monitor.Wait(Gate, s_look);
            }
        }
        cell = default;
        return false;
    }

    /// <summary>
    /// Whether this can have been written. Cells have no checksum; but one that was never written, of which one bit has
    /// changed, is none of these.
    /// </summary>
    public static bool IsOne(Cell cell) => (Determinant)cell.Kind switch
    {
        Determinant.Time => cell.Value != 0,
        Determinant.Ready or Determinant.Nothing => cell.Entity != 0,
        Determinant.Take or Determinant.Match => cell.Entity != 0 && cell.Value > 0,
        Determinant.LogProcess or Determinant.LogEntity => cell.Value != 0,
        Determinant.Random => cell.Detail != 0,
        Determinant.TimedOut or Determinant.Query => true,
        _ => false,
    };

    private static bool IsTakeOf(in Cell cell, uint entity) =>
        cell.Entity == entity && cell.Kind is (byte)Determinant.Take or (byte)Determinant.Nothing;

    /// <summary>
    /// Takes a cell before its turn: this entity's next one. Threads of an executor take from different entities in any
    /// order; where all of them wait for one that was not told, nobody would tell it.
    /// </summary>
    private bool TryReplayAhead(uint entity, out Cell cell)
    {
        var start = _journal.Position;
        for (var i = 0; i < MostAhead && _journal.TryPeek(out cell); i++)
        {
            if (IsTakeOf(cell, entity)
                && (cell.Kind != (byte)Determinant.Take || cell.Detail < _logs.Count) && _ahead.Add(_journal.Position))
            {
                _journal.Seek(start);
                Taken(cell);
                return true;
            }
            _journal.Advance();
        }
        _journal.Seek(start);
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
        while (IsReplaying)
        {
            if (!_journal.TryPeek(out cell))
            {
                // At its end, and others are not yet.
                DropPassed();
                Monitor.Wait(Gate, s_look);
            }
            else if (!IsLenient(cell))
            {
                return true;
            }
            else
            {
                Pass(cell);
            }
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
        return Append(
            kind, entity, kind is Determinant.Ready or Determinant.TimedOut ? WaitDetail(detail) : detail, value);
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

    private bool Append(Determinant kind, uint entity, uint detail, long value)
    {
        if (_disposed || (_broken && !TryBeginAnew()))
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
            (_broken, _triedAt) = (true, Posix.Now(Posix.MonotonicClock));
            _slot.Write(ProcessTable.Unjournalled, 1u);
            Report.Error($"the journal cannot be written ({e.Message}): until it can, this process cannot be recovered to where it is");
            return true;
        }
        _slot.Write(ProcessTable.JournalEnd, _journal.Position);
        _slot.Write(ProcessTable.JournalFirst, _journal.First);
        if (!HomeSlot.IsEmpty)
        {
            HomeSlot.Increment(ProcessTable.Abroad);
        }
        return true;
    }

    /// <summary>
    /// After the journal could not be written: begins it anew where there is room again. Earlier snapshots are of no use then,
    /// which the master sees by its first cell.
    /// </summary>
    private bool TryBeginAnew()
    {
        var now = Posix.Now(Posix.MonotonicClock);
        if (now - _triedAt < Retry)
        {
            return false;
        }
        _triedAt = now;
        try
        {
            _journal.BeginAnew();
        }
        catch (IOException)
        {
            return false;
        }
        _broken = false;
        _slot.Write(ProcessTable.Unjournalled, 0u);
        Report.Error("there is room for the journal again: from its next snapshot on this process can be recovered");
        return true;
    }

    /// <summary>
    /// Somebody has removed the journal, and the logs that it speaks of: it begins anew, for what was before can be replayed no
    /// more; in a replay what is mapped of it is made again. Under the gate.
    /// </summary>
    /// <exception cref="PosixException">ENOSPC and the like; it can be tried again.</exception>
    public void RemakeJournal()
    {
        if (_journal.IsNamed)
        {
            return;
        }
        if (IsReplaying)
        {
            _journal.Remake();
        }
        else
        {
            _journal.BeginAnew();
        }
        _slot.Write(ProcessTable.JournalFirst, _journal.First);
    }

    private void Consumed(in Cell cell)
    {
        if (cell.Kind is (byte)Determinant.Ready or (byte)Determinant.TimedOut)
        {
            _roles.Take(RoleOf(cell));
        }
        DropPassed();
        if (cell.Kind is (byte)Determinant.Take or (byte)Determinant.Ready or (byte)Determinant.TimedOut)
        {
            _slot.Write(ProcessTable.LastTake, _journal.Position);
        }
        Taken(cell);
        _journal.Advance();
    }

    private void Taken(in Cell cell)
    {
        _standstill = default;
        if (cell.Kind is (byte)Determinant.Take or (byte)Determinant.Nothing)
        {
            _told.Remove(cell.Entity);
        }
        if (cell.Kind == (byte)Determinant.Take)
        {
            _slot.Write(ProcessTable.Replayed, _slot.ReadInt64(ProcessTable.Replayed) + 1);
            KillPoints.Hit(KillPoint.ReplayMiddle);
        }
        Monitor.PulseAll(Gate);
    }

    /// <summary>
    /// Matches and log names between two determinants: what the monitor thread did at that moment. Passes what was taken
    /// before its turn.
    /// </summary>
    private void ApplyMatches()
    {
        while (_journal.TryPeek(out var cell))
        {
            if (_ahead.Count > 0 && _ahead.Remove(_journal.Position))
            {
                _journal.Advance();
                continue;
            }
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
            _ahead.Clear();
            _standstill = default;
            EndDraining();
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
        EndDraining();
        _freezes = _slot.AcquireUInt32(ProcessTable.Freezes);
        Clock.EndReplay();
        _catchUp.Begin();
        _slot.Write(ProcessTable.Mode, (uint)ProcessMode.CatchUp);
        NoteLive();
        _session.ReplayEnded();
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

    /// <summary>What is asked from now on, or waits for its turn here, gets the host's answer. Takes <see cref="Gate"/> itself.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            _disposed = true;
            Monitor.PulseAll(Gate);
            _journal.Dispose();
        }
    }
}
