using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>What became of a publish.</summary>
public enum AppendResult
{
    /// <summary>A new frame.</summary>
    Appended,

    /// <summary>A previous incarnation wrote the same at this place: the readers have it already.</summary>
    Found,

    /// <summary>A previous incarnation wrote this message otherwise: the readers have that one, and it is left at that.</summary>
    Differs,

    /// <summary>A new frame of a thread that said something else in a previous incarnation.</summary>
    Otherwise,
}

/// <summary>A log has room for nothing but what a reader has not read that is to miss nothing. Nothing was written.</summary>
public sealed class ReaderBehindException(string message, uint process) : IOException(message)
{
    /// <summary>The process whose reader is the hindmost.</summary>
    public uint Process => process;
}

/// <summary>A place for one payload, from Reserve to Commit or Abort.</summary>
public readonly record struct Reservation(Region Payload, bool InLog);

/// <summary>
/// Writes one log. It writes by position: where a committed frame already stands at its position, a previous incarnation of this
/// process wrote it, and this incarnation is replaying; the payload is then compared, not appended. So a writer restored from a
/// snapshot at any instruction needs not be told so: its next claim fails and it knows.
/// Thread-safety: one caller at a time.
/// </summary>
public sealed partial class LogWriter : IDisposable
{
    private const int FirstSegmentSize = 16 * 1024;
    private const int UsualSegmentSize = 8 * 1024 * 1024;

    private readonly TrustedPath _folder;
    private readonly ILogLimits _limits;
    private readonly long _keptSequences;
    private readonly int _usualSegmentSize;
    private readonly NativeBuffer _scratch = new();
    private Mapping _segment;
    private Region _view;
    private long _number;
    private int _offset;
    private long _next;
    private long _firstKept;

    private LogWriter(TrustedPath folder, LogHead head, Mapping segment, ILogLimits limits, long keptSequences, int usualSegmentSize)
    {
        _folder = folder;
        Head = head;
        _limits = limits;
        _keptSequences = keptSequences;
        _usualSegmentSize = usualSegmentSize;
        _segment = segment;
        _view = segment.View;
        // A log taken over is replayed from its first message. Where that is no longer kept, the position is before the
        // first segment, and the messages that are gone are only counted (IsRetired).
        _next = 1;
        _number = _view.ReadInt64(Segment.FirstSequence) == 1 ? _view.ReadInt64(Segment.Number) : -1;
        _offset = Segment.HeadSize;
    }

    public LogHead Head { get; }

    /// <summary>
    /// Lets go of nothing that a reader which is to miss nothing has not read, and lives: where that is all that the log may
    /// keep, no more can be written (<see cref="ReaderBehindException"/>).
    /// </summary>
    public bool AwaitsReaders { get; set; }

    /// <summary>Sequence number of the next publish.</summary>
    public long NextSequence => _next;

    /// <summary>Makes a log, or takes one over at its first kept frame (a process started again, to replay).</summary>
    /// <param name="limits">What it may keep; at least the newest segment is kept.</param>
    /// <param name="keptSequences">How many of the newest frames late joiners may ask for (transient_local).</param>
    public static LogWriter Open(TrustedPath folder, ILogLimits limits, long keptSequences, Action<Region> fillMetadata)
    {
        var writer = Open(folder, limits, keptSequences, fillMetadata, FirstSegmentSize, UsualSegmentSize);
        if (writer.Head.LastSegment == 0)
        {
            MakeReserve(folder);
            // Others that have more give as much back.
            limits.Count(FirstSegmentSize + ReserveSize + LogHead.FileSize);
        }
        return writer;
    }

    /// <summary>As the public one, with other sizes of segments (multiples of 4096) and no reserve.</summary>
    internal static LogWriter Open(
        TrustedPath folder, ILogLimits limits, long keptSequences, Action<Region> fillMetadata, int firstSegmentSize, int usualSegmentSize)
    {
        // Somebody may have removed all that it is to be in.
        folder.Folder.RenewIfRemoved();
        // A folder without a head is what an incarnation left that died while it made the log.
        var (head, segment) = !folder.MakeFolder() && (folder / LogHead.FileName).Exists
            ? TakeOver(folder)
            : Make(folder, firstSegmentSize, fillMetadata);
        return new LogWriter(folder, head, segment, limits, keptSequences, usualSegmentSize);
    }

    private static (LogHead Head, Mapping Segment) Make(TrustedPath folder, int segmentSize, Action<Region> fillMetadata)
    {
        var segment = SpareRoom.Do(folder.Folder, segmentSize, () => Segment.Make(folder, 0, segmentSize, 1, spare: null));
        try
        {
            return (LogHead.Make(folder, fillMetadata), segment);
        }
        catch
        {
            segment.Dispose();
            throw;
        }
    }

    private static (LogHead Head, Mapping Segment) TakeOver(TrustedPath folder)
    {
        var head = LogHead.Open(folder);
        try
        {
            return (head, Segment.Open(folder, head.FirstSegment)
                ?? throw new InvalidDataException($"{folder} lacks its first segment {head.FirstSegment}"));
        }
        catch
        {
            head.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Reserves <paramref name="size"/> payload bytes: in the log, or aside where a previous incarnation's frame stands.
    /// </summary>
    /// <exception cref="PosixException">
    /// The log needed a new segment, the file system is full, and none of its own files is as large; nothing is written.
    /// </exception>
    /// <exception cref="ReaderBehindException">Only where <see cref="AwaitsReaders"/>.</exception>
    public Reservation Reserve(int size) => Reserve(size, isLent: false);

    private Reservation Reserve(int size, bool isLent)
    {
        var length = Frame.HeadSize + size;
        var span = Frame.Align(length);
        if (_number < Head.FirstSegment && IsRetired())
        {
            return new Reservation(Aside(size), InLog: false);
        }
        while (true)
        {
            var word = _offset < _view.Length ? _view.AcquireInt32(_offset + Frame.Length) : 0;
            if (word > 0 && _view.ReadByte(_offset + Frame.Kind) == Frame.Padding)
            {
                MoveTo(_number + 1, span);
            }
            else if (word > 0 && !Frame.IsPlausible(_view, _offset, word))
            {
                // Damaged: no frame after it in this segment can be found.
                _next = Math.Max(_next, Head.TailSequence + 1);
                Roll(span);
            }
            else if (word > 0)
            {
                return new Reservation(Aside(size), InLog: false);
            }
            else if (word < 0)
            {
                RepairTornFrame(word);
            }
            else if (span > _view.Length - _offset || (isLent && _lentHere >= LentPerSegment) || _beginsAnew)
            {
                Roll(span, isLent);
            }
            else if (_view.CompareExchange(_offset + Frame.Length, 0, -length))
            {
                KillPoints.Hit(KillPoint.AfterReserve);
                return new Reservation(_view.Slice(_offset + Frame.HeadSize, size), InLog: true);
            }
        }
    }

    /// <summary>Zeroed, as a log is: serialisers leave the padding between members as they find it, and it is compared.</summary>
    private Region Aside(int size)
    {
        var region = _scratch.Ensure(size);
        region.All.Clear();
        return region;
    }

    /// <summary>
    /// A replaying writer whose previous incarnation's frames here were let go since: it can only count them. True while there
    /// are such; else it stands at the first frame kept.
    /// </summary>
    private bool IsRetired()
    {
        var first = Head.FirstSegment;
        using var segment = Segment.Open(_folder, first);
        _firstKept = segment?.View.ReadInt64(Segment.FirstSequence) ?? _next;
        if (_next < _firstKept)
        {
            return true;
        }
        MoveTo(first, 0);
        return false;
    }

    /// <summary>Makes the reserved payload's first <paramref name="size"/> bytes a frame, or finds them in the log.</summary>
    /// <param name="key">
    /// How many of its first bytes say which message it is, in every incarnation (a reply: what it answers). 0: its content does.
    /// </param>
    public AppendResult Commit(
        in Reservation reservation, int size, byte flags, uint incarnation, long time, in Origin origin, out long sequence, int key = 0)
    {
        if (!reservation.InLog)
        {
            return CompareWithPrevious(_scratch.Region.Slice(0, size), key, flags, incarnation, time, origin, out sequence);
        }
        if (_former.Count > 0 && origin.Novelty != Novelty.New
            && FindSaid(reservation.Payload.Slice(0, size), key, origin, out sequence) is { } found)
        {
            Abort(reservation);
            return found;
        }
        var isOtherwise = IsOtherwise(origin);
        var result = CommitReserved(reservation, size, flags, incarnation, time, origin, out sequence);
        return isOtherwise && result == AppendResult.Appended ? AppendResult.Otherwise : result;
    }

    private AppendResult CommitReserved(
        in Reservation reservation, int size, byte flags, uint incarnation, long time, in Origin origin, out long sequence)
    {
        KillPoints.Hit(KillPoint.BeforeCommit);
        if (_view.AcquireInt32(_offset + Frame.Length) > 0)
        {
            // This incarnation was restored between claim and commit, and the previous one committed.
            sequence = StepAgain();
            return AppendResult.Found;
        }
        // What is after the frame must be zero: the next claim is there.
        reservation.Payload.Clear(size, reservation.Payload.Length - size);
        sequence = CommitInPlace(Frame.HeadSize + size, flags, incarnation, time, origin);
        return AppendResult.Appended;
    }

    /// <summary>Gives a reservation back: nothing was published.</summary>
    public void Abort(in Reservation reservation)
    {
        if (reservation.InLog && _view.AcquireInt32(_offset + Frame.Length) < 0)
        {
            reservation.Payload.Clear(0, reservation.Payload.Length);
            _view.Release(_offset + Frame.Length, 0);
        }
    }

    /// <param name="lent">Bytes of the message that the frame refers to.</param>
    private long CommitInPlace(
        int length, byte flags, uint incarnation, long time, in Origin origin, byte kind = Frame.Data, int lent = 0)
    {
        var sequence = _next;
        _view.Write(_offset + Frame.Kind, kind);
        _view.Write(_offset + Frame.Flags, flags);
        _view.Write(_offset + Frame.Incarnation, incarnation);
        _view.Write(_offset + Frame.Sequence, sequence);
        _view.Write(_offset + Frame.Time, time);
        _view.Write(_offset + Frame.Cause, origin.Cause);
        _view.Write(_offset + Frame.Role, origin.Role);
        _view.Write(_offset + Frame.Crc, Frame.ComputeCrc(_view, _offset, length));
        // Before it can be read: who hears an answer to it finds it past.
        Volatile.Write(ref _next, _next + 1);
        _view.Release(_offset + Frame.Length, length);
        _offset += Frame.Align(length);
        Head.Advance(sequence, _number, _offset, length + lent, time);
        return sequence;
    }

    /// <summary>
    /// A previous incarnation died between claim and commit. The claim says how far it may have written; no reader has seen it.
    /// </summary>
    private void RepairTornFrame(int word)
    {
        var rest = _view.Length - _offset;
        var claimed = word > -rest ? Frame.Align(-word) : rest;
        _view.Clear(_offset + 4, claimed - 4);
        _view.CompareExchange(_offset + Frame.Length, word, 0);
    }

    /// <summary>Pads what is left of this segment and goes to the next.</summary>
    private void Roll(int span, bool isLent = false)
    {
        _beginsAnew = false;
        // A segment that a previous incarnation has filled to its last byte ends without padding.
        var next = Segment.Open(_folder, _number + 1) ?? MakeSegment(_number + 1, span, isLent && IsMostlyReferences);
        if (next.View.ReadInt32(Segment.HeadSize + Frame.Length) <= 0)
        {
            // A previous incarnation made it and died, and this one got more frames into the segment before it.
            next.View.Write(Segment.FirstSequence, _next);
        }
        KillPoints.Hit(KillPoint.SegmentRoll);
        var rest = _view.Length - _offset;
        if (rest > 0 && _view.CompareExchange(_offset + Frame.Length, 0, -rest))
        {
            _view.Write(_offset + Frame.Kind, Frame.Padding);
            _view.Release(_offset + Frame.Length, rest);
        }
        KeepIfRemoved();
        Use(next, _number + 1);
    }

    private void MoveTo(long number, int spanIfMissing)
    {
        if (number == _number)
        {
            return;
        }
        var segment = Segment.Open(_folder, number)
            ?? (spanIfMissing > 0
                ? MakeSegment(number, spanIfMissing)
                : throw new InvalidDataException($"{_folder} lacks segment {number}"));
        Use(segment, number);
    }

    private void Use(Mapping segment, long number)
    {
        _segment.Dispose();
        _segment = segment;
        _view = segment.View;
        _number = number;
        _offset = Segment.HeadSize;
        _lentHere = 0;
        Head.LastSegment = Math.Max(Head.LastSegment, number);
    }

    public void Dispose()
    {
        _segment.Dispose();
        _scratch.Dispose();
        _pool?.Dispose();
        _lentBefore?.Dispose();
        Head.Dispose();
    }
}
