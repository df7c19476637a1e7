using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Replay;
using RmwCkpt.Middleware.Sessions;
using RmwCkpt.Middleware.Waiting;

namespace RmwCkpt.Middleware.Messages;

/// <summary>One message lent to the caller.</summary>
public readonly record struct Lent(Region Payload, long Sequence, long Time, Gid Writer, RequestId Request, bool Taken);

/// <summary>
/// The reading side of an endpoint: the logs it reads, merged by time. TryBegin takes the lock that End on the same thread
/// gives back. Lock order: this inbox, then the determinants' gate. Thread-safe.
/// </summary>
public sealed partial class Inbox : IDisposable
{
    /// <summary>What a living reader verifies, bytes; a replaying one verifies all.</summary>
    private const int LiveVerifyLimit = 64 * 1024;

    private readonly Session _session;
    private readonly uint _entity;
    private readonly Qos _qos;
    private readonly Gid? _repliesTo;
    private readonly Deadline? _deadline;
    private readonly object _lock = new();
    private readonly object _sourcesLock = new();
    private readonly Dictionary<Gid, long> _readBefore = [];
    private Source[] _sources = [];
    private Source? _lentFrom;
    private int _owed;

    /// <summary>Whether the last look at all sources saw an early reply.</summary>
    private bool _hasEarly;

    /// <param name="repliesTo">A client's gid: frames begin with a <see cref="RequestId"/>, and only its own are read.</param>
    public Inbox(Session session, uint entity, in Qos qos, Gid? repliesTo, Deadline? deadline)
    {
        _session = session;
        _freezes = session.Table.Domain.AcquireUInt32(ProcessTable.Freezes);
        _entity = entity;
        _qos = qos;
        _repliesTo = repliesTo;
        _deadline = deadline;
    }

    public Source[] Sources => Volatile.Read(ref _sources);

    /// <summary>Held while what sources have mapped is looked at: one whose writer is gone may be closed at any time.</summary>
    public object Lock => _lock;

    /// <summary>A client's.</summary>
    public Outbox? Requests { get; set; }

    public bool Reads(Gid log) => Find(log) is not null;

    public void Add(Source source)
    {
        source.Reader.VerifyLimit = LiveVerifyLimit;
        if (_qos.KeepsAll && EndpointHead.Qos(source.Reader.Head).KeepsAll)
        {
            source.Reader.Await(_session.SlotIndex, _entity);
        }
        lock (_sourcesLock)
        {
            _sources = [.. _sources, source];
        }
    }

    /// <summary>Whether the log is read already; it is read on then, should its writer have been gone.</summary>
    public bool TryReadOn(Gid log)
    {
        lock (_lock)
        {
            if (Find(log) is not { } source)
            {
                return false;
            }
            source.Orphaned = false;
            source.Reader.Renew();
            return true;
        }
    }

    /// <summary>The writer left: what it wrote is still to be read, then the source goes.</summary>
    public void Orphan(Gid log)
    {
        lock (_lock)
        {
            if (Find(log) is { } source)
            {
                source.Orphaned = true;
                RemoveIfDone(source);
            }
        }
    }

    /// <summary>The next sequence of a log that was read before, or 0: a writer that left may come back (rmw_ckpt recover).</summary>
    public long ReadBefore(Gid log)
    {
        lock (_sourcesLock)
        {
            return _readBefore.GetValueOrDefault(log);
        }
    }

    /// <summary>Whether a message is there that had arrived by a ROS time.</summary>
    public bool IsReady(long by)
    {
        lock (_lock)
        {
            foreach (var source in Sources)
            {
                if (HasNext(source, out var time, by) && time <= by)
                {
                    return true;
                }
            }
            return false;
        }
    }

    /// <summary>Time of the earliest message, or <see cref="long.MaxValue"/>.</summary>
    public long NextArrival
    {
        get
        {
            lock (_lock)
            {
                return Choose(long.MaxValue, out var frame) is null ? long.MaxValue : frame.Time;
            }
        }
    }

    /// <summary>
    /// How many takes found nothing because ROS time was behind what had come, or its request not sent yet, now that
    /// something is there: for who was told before that it had come.
    /// </summary>
    public int TakeOwed(long by)
    {
        lock (_lock)
        {
            if (_owed == 0 || !IsReady(by))
            {
                return 0;
            }
            var owed = _owed;
            _owed = 0;
            return owed;
        }
    }

    /// <summary>Lends the next message: the journal's in replay, else the earliest.</summary>
    public Lent Begin()
    {
        Fruitless.NoteTake();
        Monitor.Enter(_lock);
        var lent = default(Lent);
        try
        {
            lent = Next();
            _lentAddress = lent.Payload.Address;
            return lent;
        }
        finally
        {
            if (!lent.Taken)
            {
                Monitor.Exit(_lock);
            }
        }
    }

    /// <summary>Gives the message back. False: its bytes were recycled meanwhile; what was read of it is worthless.</summary>
    public bool End()
    {
        var intact = _lentFrom!.Reader.IsIntact;
        End(passed: intact);
        return intact;
    }

    private void End(bool passed)
    {
        var source = _lentFrom!;
        _lentFrom = null;
        if (passed)
        {
            source.Reader.Advance();
        }
        RemoveIfDone(source);
        Monitor.Exit(_lock);
    }

    public bool IsLending => Monitor.IsEntered(_lock) && _lentFrom is not null;

    private Lent Next()
    {
        var determinants = _session.ReplayJournal;
        while (true)
        {
            int moves;
            lock (determinants.Gate)
            {
                if (determinants.TryReplayTake(_entity, out var cell, out moves))
                {
                    return cell.Kind == (byte)Determinant.Nothing
                        ? default
                        : Replay(determinants.LogOf(cell.Detail), cell.Value);
                }
            }
            if (moves >= 0)
            {
                Monitor.Exit(_lock);
                determinants.AwaitMove(moves);
                Monitor.Enter(_lock);
                continue;
            }
            var behind = determinants.Clock.IsBehind;
            if (behind)
            {
                determinants.CatchUp.NoteWork();
                determinants.CatchUp.Pace();
            }
            else
            {
                DropLate();
            }
            var source = Choose(behind ? determinants.Clock.Now : long.MaxValue, out var frame);
            lock (determinants.Gate)
            {
                if (source is null)
                {
                    if (determinants.TryRecord(Determinant.Nothing, _entity, 0, 0))
                    {
                        _owed += behind || _hasEarly ? 1 : 0;
                        return default;
                    }
                    continue;
                }
                KillPoints.Hit(KillPoint.BeforeTakeRecord);
                if (determinants.Replays() || !TryNumber(determinants, source, out var number)
                    || !determinants.TryRecord(Determinant.Take, _entity, number, frame.Sequence))
                {
                    continue;
                }
            }
            KillPoints.Hit(KillPoint.AfterTakeRecord);
            return Lend(source, frame);
        }
    }

    private static bool TryNumber(ReplayJournal determinants, Source source, out uint number)
    {
        if (source.Number is null && determinants.TryNumber(source.Writer, out number))
        {
            source.Number = number;
        }
        number = source.Number ?? 0;
        return source.Number is not null;
    }

    private Lent Lend(Source source, in FrameView frame)
    {
        _lentFrom = source;
        _session.Traffic.CountTake(frame);
        _deadline?.Happened(frame.Time);
        return _repliesTo is null
            ? new Lent(frame.Payload, frame.Sequence, frame.Time, source.Writer, new RequestId(source.Writer, frame.Sequence), true)
            : new Lent(
                frame.Payload.Slice(RequestId.Size, frame.Payload.Length - RequestId.Size), frame.Sequence, frame.Time,
                source.Writer, RequestId.Read(frame.Payload), true);
    }

    /// <summary>
    /// A client's reply comes after its request, in every execution: in replay, another thread may be on the way to it.
    /// </summary>
    private void AwaitRequest(RequestId request)
    {
        if (Requests is { } requests && !_session.ReplayJournal.AwaitProgress(() => requests.HasSaid(request.Sequence)))
        {
            Report.Error($"divergence: in replay request {request.Sequence} is not sent, and its reply is given without it");
            Requests = null;
        }
    }

    /// <summary>The very message that the previous incarnation took.</summary>
    private Lent Replay(Gid log, long sequence)
    {
        var source = Find(log) ?? _session.Logs.OpenSource(this, log, 1);
        if (source is not null)
        {
            source.Reader.SeekSequence(sequence);
            source.Reader.VerifyLimit = int.MaxValue;
            var found = source.Reader.TryPeek(out var frame) && frame.Sequence == sequence;
            source.Reader.VerifyLimit = LiveVerifyLimit;
            if (found)
            {
                var lent = Lend(source, frame);
                AwaitRequest(lent.Request);
                return lent;
            }
        }
        _session.Traffic.CountLost(1);
        Report.Error($"replay: message {sequence} of log {log} is no longer kept (RMW_CKPT_RETENTION): it is lost");
        return default;
    }

    private Source? Find(Gid log)
    {
        foreach (var source in Sources)
        {
            if (source.Writer == log)
            {
                return source;
            }
        }
        return null;
    }

    /// <summary>The source with the earliest message that had arrived by a time.</summary>
    private Source? Choose(long by, out FrameView first)
    {
        Source? chosen = null;
        first = default;
        _hasEarly = false;
        foreach (var source in Sources)
        {
            if (HasNext(source, out var time, by) && time <= by && (chosen is null || time < first.Time)
                && source.Reader.TryPeek(out var frame))
            {
                chosen = source;
                first = frame;
            }
        }
        return chosen;
    }

    private bool HasNext(Source source, out long time, long by)
    {
        var reader = source.Reader;
        time = 0;
        if (_repliesTo is null && by == long.MaxValue && !reader.HasNext)
        {
            RemoveIfDone(source);
            return false;
        }
        var lost = reader.Lost;
        while (reader.TryPeek(out var frame, verify: false))
        {
            if (_repliesTo is null
                ? !IsExpired(source, frame.Time)
                : IsReplyTo(_repliesTo.Value, frame))
            {
                var isEarly = IsEarly(frame);
                _hasEarly |= isEarly;
                time = isEarly ? 0 : frame.Time;
                break;
            }
            reader.Advance();
        }
        if (reader.Lost != lost)
        {
            CountDropped(reader.Lost - lost);
            _session.Traffic.CountLost(reader.Lost - lost);
        }
        if (time == 0)
        {
            RemoveIfDone(source);
        }
        return time != 0;
    }

    public static bool IsReplyTo(Gid client, in FrameView frame) =>
        frame.Payload.Length >= RequestId.Size && RequestId.Read(frame.Payload).Client == client;

    /// <summary>
    /// A reply that came in a previous incarnation, whose request a thread of this one has not come to send again: nobody would know
    /// what it answers.
    /// </summary>
    private bool IsEarly(in FrameView frame) =>
        Requests is { } requests && !requests.HasSaid(RequestId.Read(frame.Payload).Sequence) && !_session.ReplayJournal.IsSettled;

    /// <summary>A message older than its writer's lifespan is not there any more.</summary>
    private bool IsExpired(Source source, long time) =>
        source.Lifespan != Qos.Infinite && _session.ReplayJournal.Clock.Now - time > source.Lifespan;

    private void RemoveIfDone(Source source)
    {
        if (source.Orphaned && source != _lentFrom && !source.Reader.HasNext)
        {
            Remove(source);
        }
    }

    /// <summary>On its own, for what its lambda captures is allocated on entry.</summary>
    private void Remove(Source source)
    {
        lock (_sourcesLock)
        {
            _readBefore[source.Writer] = source.Reader.NextSequence;
            _sources = Array.FindAll(_sources, s => s != source);
        }
        source.Dispose();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var source in Sources)
            {
                source.Dispose();
            }
            _sources = [];
        }
        DropLoans();
    }
}
