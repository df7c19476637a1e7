using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Replay;

/// <summary>
/// The journal of one process: what it writes when live and what it does again when it replays. It replays while a former
/// life's cells are left, so a restored process needs no word from outside to know.
/// Thread-safety: <see cref="Gate"/> is held around every call; it comes after an endpoint's own lock.
/// </summary>
public sealed partial class ReplayJournal : IDisposable
{
    private readonly IReplayed _session;
    private readonly Journal _journal;
    private readonly Region _slot;
    private readonly JournalWriter _writer;
    private readonly ReplaySchedule _schedule = new();
    private readonly LogNumbers _logs = new();
    private readonly Matches _matches;
    private readonly Roles _roles = new();
    private readonly Causes _causes;
    private readonly Patience _patience;
    private uint _incarnation;

    internal ReplayJournal(
        IReplayed session, Journal journal, Region slot, uint incarnation, bool resumed, IReplayClock? clock = null)
    {
        (_session, _journal, _slot, _incarnation) = (session, journal, slot, incarnation);
        _writer = new JournalWriter(journal, slot);
        _matches = new Matches(session);
        _causes = new Causes(this);
        clock ??= new ReplayClock();
        _patience = new Patience(clock);
        CatchUp = new CatchUp(Gate, session, slot, clock);
        if (resumed)
        {
            Begin();
        }
    }

    public object Gate { get; } = new();

    public RosClock Clock => CatchUp.Clock;

    public CatchUp CatchUp { get; }

    public ReplayPhase Phase { get; private set; }

    /// <summary>Nothing is asked of it any more; who asks all the same gets the host's answer. Free to read.</summary>
    public bool IsDisposed { get; private set; }

    /// <summary>This process' slot in the domain whose master takes its snapshots, if it is another one.</summary>
    public Region PrimarySlot
    {
        set => _writer.PrimarySlot = value;
    }

    /// <summary>Nobody is on the way any more to what the former life did. Free to ask.</summary>
    public bool IsSettled => Phase == ReplayPhase.Live && _patience.IsSettled;

    /// <summary>Whether it replays: notices a life that has begun, and ends a replay of which nothing is left.</summary>
    public bool Replays()
    {
        if (IsDisposed)
        {
            return false;
        }
        if (_slot.AcquireUInt32(ProcessTable.Incarnation) is var incarnation && incarnation != _incarnation)
        {
            _incarnation = incarnation;
            Begin();
        }
        if (Phase == ReplayPhase.Live)
        {
            return false;
        }
        _matches.Give();
        if (_schedule.Ordered > 0)
        {
            return true;
        }
        if (_schedule.Readings > 0 && _patience.IsDraining)
        {
            Phase = ReplayPhase.Draining;
            return true;
        }
        End();
        return false;
    }

    /// <summary>The log of a number, as in a replayed take.</summary>
    public Gid LogOf(uint number) => _logs[number];

    /// <summary>A guard condition is triggered: a wait of the replay may be for it. Takes <see cref="Gate"/> itself.</summary>
    public void NoteTrigger()
    {
        CatchUp.NoteRest();
        if (Phase != ReplayPhase.Live)
        {
            lock (Gate)
            {
                Monitor.PulseAll(Gate);
            }
        }
    }

    /// <summary>Journals a determinant. False: a new life began under this call; look again.</summary>
    public bool TryRecord(Determinant kind, uint entity, uint detail, long value)
    {
        if (Replays())
        {
            return false;
        }
        var position = _journal.Position;
        if (IsCause(kind))
        {
            LeaveReadings();
            position = _journal.Position;
            _slot.Write(ProcessTable.LastTake, position);
        }
        if (!TryAppend(kind, entity, detail, value))
        {
            return false;
        }
        if (IsCause(kind))
        {
            _causes.Note(position, _roles.Mine);
        }
        return true;
    }

    /// <summary>Journals that an endpoint reads a log from a sequence on. False: it is replaying; not now.</summary>
    public bool TryRecordMatch(uint entity, Gid log, long first) =>
        !Replays() && TryNumber(log, out var number) && TryAppend(Determinant.Match, entity, number, first);

    /// <summary>The number by which the journal names a log. False: as TryRecord.</summary>
    public bool TryNumber(Gid log, out uint number)
    {
        if (_logs.TryFind(log, out number))
        {
            return true;
        }
        number = _logs.Next;
        if (!TryAppend(Determinant.LogProcess, 0, number, (long)log.Process)
            || !TryAppend(Determinant.LogEntity, 0, number, log.Entity | ((long)log.Domain << 32)))
        {
            return false;
        }
        _logs.Add(log);
        return true;
    }

    /// <inheritdoc cref="JournalWriter.Remake"/>
    public void RemakeJournal() => _writer.Remake(Replays());

    /// <summary>Where what the calling thread publishes now comes from. Takes <see cref="Gate"/> itself.</summary>
    public Origin Origin
    {
        get
        {
            lock (Gate)
            {
                Replays();
                return _causes.Origin(_roles.Mine);
            }
        }
    }

    internal Novelty NoveltyOf(long position, uint role) =>
        _slot.AcquireUInt32(ProcessTable.Incarnation) != _incarnation ? Novelty.Interrupted : _causes.NoveltyOf(position, role);

    /// <summary>
    /// The calling thread has said, unprompted, something else than in the former life: it does not do that again, and what it
    /// read of clocks then is void. Takes <see cref="Gate"/> itself.
    /// </summary>
    public void EndRole()
    {
        lock (Gate)
        {
            if (_causes.TryEnd(_roles.Mine))
            {
                LeaveReadings();
                Monitor.PulseAll(Gate);
            }
        }
    }

    /// <summary>What is asked from now on, or waits for its turn here, gets the host's answer. Takes <see cref="Gate"/> itself.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            IsDisposed = true;
            Monitor.PulseAll(Gate);
            _journal.Dispose();
        }
    }

    private bool TryAppend(Determinant kind, uint entity, uint detail, long value)
    {
        if (IsDisposed || _writer.TryAppend(new Cell((byte)kind, entity, detail, value, (ushort)_roles.Mine)))
        {
            return true;
        }
        Begin();
        return false;
    }

    /// <summary>The calling thread is past what its role read: that is void, in this replay and in each later one.</summary>
    private void LeaveReadings()
    {
        if (_schedule.Readings > 0 && _schedule.LeftOf(_roles.Mine) is >= 0 and var from)
        {
            _schedule.Void(_roles.Mine, from);
            TryAppend(Determinant.Void, 0, 0, from);
        }
    }

    /// <summary>A life has begun: what a former one wrote from the position on is to be done again.</summary>
    private void Begin()
    {
        Phase = ReplayPhase.Replay;
        _patience.Begin();
        _causes.Begin();
        _told.Clear();
        _triggers.Clear();
        _seen.Clear();
        Clock.BeginLife();
        _slot.Write(ProcessTable.Mode, (uint)ProcessMode.Replay);
        KillPoints.Hit(KillPoint.ReplayStart);
        for (; _journal.TryPeek(out var cell); _journal.Advance())
        {
            Read(cell);
        }
    }

    private void Read(in Cell cell)
    {
        switch ((Determinant)cell.Kind)
        {
            case Determinant.LogProcess or Determinant.LogEntity:
                _logs.Read(cell);
                break;
            case Determinant.Match:
                _matches.Add(cell.Entity, LogOf(cell.Detail), cell.Value);
                break;
            case Determinant.Void:
                _schedule.Void(cell.Entity == 0 ? cell.Role : 0u, cell.Value);
                break;
            case (Determinant)Cell.Damaged:
                Report.Error($"cell {_journal.Position} of the journal is damaged: what it said is not done again");
                break;
            default:
                _causes.Add(_journal.Position, cell);
                _schedule.Add(_journal.Position, cell);
                break;
        }
    }

    private void End()
    {
        KillPoints.Hit(KillPoint.ReplayEnd);
        Phase = ReplayPhase.Live;
        _patience.End();
        _causes.End(_journal.Position);
        CatchUp.Begin();
        _session.ReplayEnded();
        Monitor.PulseAll(Gate);
    }

    private void GiveUp(string wanted, uint entity)
    {
        var from = _schedule.Left;
        _schedule.Clear();
        // An entity says that it is of all roles.
        TryAppend(Determinant.Void, 1, 0, from);
        _slot.Write(ProcessTable.Divergences, _slot.ReadInt64(ProcessTable.Divergences) + 1);
        Report.Error(
            $"divergence: for some seconds nobody has done what the former life did from journal cell {from} on, and this one wants to "
            + $"{wanted} entity {entity}; the last {_journal.Position - from} cells are given up");
    }

    private static bool IsCause(Determinant kind) =>
        kind is Determinant.Take or Determinant.Ready or Determinant.TimedOut or Determinant.Call;
}
