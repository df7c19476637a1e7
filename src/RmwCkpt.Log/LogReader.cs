using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>One frame as a reader sees it. The payload is the log's own memory.</summary>
public readonly record struct FrameView(Region Payload, long Sequence, long Time, uint Incarnation, byte Flags);

/// <summary>
/// Reads one log at its own position. Never waits on a hole and never hands out torn bytes.
/// Thread-safety: one caller at a time, beside one writer in any process.
/// </summary>
public sealed class LogReader : IDisposable
{
    private readonly TrustedPath _folder;
    private readonly LoanMap _lent;
    private Mapping? _segment;
    private SegmentLease? _lease;
    private Region _view;
    private long _number;
    private int _offset;
    private int _span;

    /// <summary>Of the frame that TryPeek showed.</summary>
    private bool _isLent;
    private Region _payload;
    private uint _incarnation;

    /// <summary>Process and number of a reader that is to miss nothing.</summary>
    private (uint Process, uint Reader)? _awaits;

    private LogReader(TrustedPath folder, LogHead head)
    {
        _folder = folder;
        _lent = new LoanMap(folder);
        Head = head;
    }

    public LogHead Head { get; }

    /// <summary>Sequence number of the next frame.</summary>
    public long NextSequence { get; private set; } = 1;

    /// <summary>
    /// Frames that were gone, damaged or of an overtaken incarnation before they could be read. Counted where the next
    /// readable frame shows by its sequence how many there were.
    /// </summary>
    public long Lost { get; private set; }

    /// <summary>
    /// Frames longer than this, bytes, are not verified. A living reader has the pages that the writer has just written;
    /// to sum up a large message again would cost as much as to copy it.
    /// </summary>
    public int VerifyLimit { get; set; } = int.MaxValue;

    /// <summary>Committed frames not yet read. May lag behind a commit that is under way.</summary>
    public long Pending => Math.Max(0, Head.TailSequence + 1 - NextSequence);

    /// <summary>Opens a log at its first kept frame.</summary>
    /// <exception cref="IOException">There is no such log, or it is none.</exception>
    public static LogReader Open(TrustedPath folder)
    {
        var reader = new LogReader(folder, LogHead.Open(folder));
        reader.SeekFirst();
        return reader;
    }

    /// <summary>
    /// From now on this reader is to miss nothing: a writer that promises that lets go of nothing that it has not read. Said
    /// again in a new incarnation, for the previous one was further on.
    /// </summary>
    /// <param name="process">The slot of this process.</param>
    /// <param name="reader">Tells the readers of this process apart.</param>
    public void Await(uint process, uint reader)
    {
        _awaits = (process, reader);
        Head.Await(process, reader, _number);
    }

    /// <summary>As it was said before, if it was.</summary>
    public void AwaitAgain()
    {
        if (_awaits is { } who)
        {
            Head.Await(who.Process, who.Reader, _number);
        }
    }

    public void SeekFirst()
    {
        _incarnation = 0;
        NextSequence = GoToFirst();
    }

    /// <summary>Goes to the first kept segment; its first sequence.</summary>
    private long GoToFirst()
    {
        while (true)
        {
            var first = Head.FirstSegment;
            if (TryUse(first))
            {
                var sequence = _view.AcquireInt64(Segment.FirstSequence);
                if (IsIntact)
                {
                    return sequence;
                }
            }
            if (Head.FirstSegment == first)
            {
                throw new InvalidDataException($"{_folder} lacks its first segment {first}");
            }
        }
    }

    /// <summary>Goes to the end: only what is committed from now on will be read.</summary>
    public void SeekTail()
    {
        var (number, offset) = Head.TailPosition;
        SeekFirst();
        if (offset > 0 && number > _number && TryUse(number))
        {
            NextSequence = _view.ReadInt64(Segment.FirstSequence);
        }
        while (TryPeek(out _, verify: false))
        {
            Advance();
        }
    }

    /// <summary>Goes to a frame, or to the first kept after it. Walks from the position, or from the first kept frame.</summary>
    public void SeekSequence(long sequence)
    {
        if (_segment is null || sequence < NextSequence)
        {
            SeekFirst();
        }
        while (NextSequence < sequence && TryPeek(out _, verify: false))
        {
            Advance();
        }
    }

    /// <summary>Goes to the first kept frame committed at or after a time.</summary>
    public void SeekTime(long time)
    {
        SeekFirst();
        while (TryPeek(out var frame, verify: false) && frame.Time < time)
        {
            Advance();
        }
    }

    /// <summary>Whether a frame is there to be read. Cheap: one load, mostly.</summary>
    public bool HasNext
    {
        get
        {
            var word = Word;
            return (word > 0 && _view.ReadByte(_offset + Frame.Kind) == Frame.Data && _number >= Head.FirstSegment)
                || ((word != 0 || _number < Head.LastSegment) && TryPeek(out _, verify: false));
        }
    }

    /// <summary>
    /// Shows the next frame without passing it. After its bytes were used, <see cref="IsIntact"/> says whether they still
    /// are what they were. With <paramref name="verify"/> a frame whose CRC is wrong is counted lost and passed.
    /// </summary>
    public bool TryPeek(out FrameView frame, bool verify = true)
    {
        while (true)
        {
            if (_number < Head.FirstSegment)
            {
                var first = GoToFirst();
                Lost += Math.Max(0, first - NextSequence);
                NextSequence = Math.Max(NextSequence, first);
            }
            var word = Word;
            if (word <= 0)
            {
                // The log ends here for now, unless the writer has left the segment: then it is full, or damaged.
                if (Head.LastSegment <= _number || (Word <= 0 && !TryFollow()))
                {
                    frame = default;
                    return false;
                }
                continue;
            }
            if (!Frame.IsPlausible(_view, _offset, word))
            {
                // Nothing after it in this segment can be found.
                _offset = _view.Length;
                continue;
            }
            if (_view.ReadByte(_offset + Frame.Kind) == Frame.Padding && word == _view.Length - _offset)
            {
                if (!TryFollow())
                {
                    frame = default;
                    return false;
                }
                continue;
            }
            // Acquire loads, so that a recycling under them shows in FirstSegment afterwards.
            var kinds = _view.AcquireUInt32(_offset + Frame.Kind);
            var (isLent, flags) = ((byte)kinds == Frame.Lent, (byte)(kinds >> 8));
            var incarnation = _view.AcquireUInt32(_offset + Frame.Incarnation);
            var sequence = _view.AcquireInt64(_offset + Frame.Sequence);
            var time = _view.AcquireInt64(_offset + Frame.Time);
            var payload = word < Frame.HeadSize ? default : _view.Slice(_offset + Frame.HeadSize, word - Frame.HeadSize);
            if (word < Frame.HeadSize || incarnation < _incarnation || !IsNext(sequence)
                || (verify && word <= VerifyLimit && _view.ReadUInt32(_offset + Frame.Crc) != Frame.ComputeCrc(_view, _offset, word))
                || (isLent && !_lent.TryFollow(payload, verify ? VerifyLimit : -1, out payload)))
            {
                if (IsIntact)
                {
                    _offset += Frame.Align(word);
                }
                continue;
            }
            if (_number < Head.FirstSegment)
            {
                continue;
            }
            _incarnation = verify && word <= VerifyLimit ? incarnation : _incarnation;
            Lost += sequence - NextSequence;
            NextSequence = sequence;
            (_span, _isLent) = (Frame.Align(word), isLent);
            _payload = payload;
            frame = new FrameView(payload, sequence, time, incarnation, flags);
            return true;
        }
    }

    private int Word => _offset < _view.Length ? _view.AcquireInt32(_offset + Frame.Length) : 0;

    /// <summary>Whether a frame here can have this number: a commit is seen before the head tells of it.</summary>
    private bool IsNext(long sequence) =>
        sequence == NextSequence || (sequence > NextSequence && sequence <= Head.TailSequence + 1);

    /// <summary>Goes to the next segment. False: it is not there yet. True too if this one was let go.</summary>
    private bool TryFollow()
    {
        if (TryUse(_number + 1))
        {
            return true;
        }
        Renew();
        return _number < Head.FirstSegment;
    }

    /// <summary>Whether the segment at the position is still part of the log: what was read from it was not recycled.</summary>
    public bool IsIntact
    {
        get
        {
            Interlocked.MemoryBarrier();
            return _number >= Head.FirstSegment;
        }
    }

    /// <summary>Whether one of the frames ahead, as far as this segment goes, has a flag. For rare decisions: it walks.</summary>
    public bool HasAhead(byte flag)
    {
        for (var offset = _offset; offset < _view.Length;)
        {
            var length = _view.AcquireInt32(offset + Frame.Length);
            if (length <= 0 || !Frame.IsPlausible(_view, offset, length))
            {
                return false;
            }
            if ((_view.ReadByte(offset + Frame.Flags) & flag) != 0)
            {
                return true;
            }
            offset += Frame.Align(length);
        }
        return false;
    }

    /// <summary>
    /// Keeps the bytes of the frame that TryPeek showed mapped and unchanged until the result is disposed of, wherever the
    /// reader goes meanwhile. Null: they were recycled before that. The segment is held until the reader leaves it, for it
    /// may well keep the next frame too.
    /// </summary>
    /// <param name="process">The slot of this process.</param>
    /// <param name="reader">Tells the readers of this process apart.</param>
    public LeasedFrame? Lease(uint process, uint reader)
    {
        _lease ??= new SegmentLease(Head, _segment!, _number, process, reader);
        return _lease.Renew() ? new LeasedFrame(_lease.Hold(), _isLent ? _lent.FileOf(_payload)!.Hold() : null, _payload) : null;
    }

    /// <summary>Passes the frame that TryPeek showed.</summary>
    public void Advance()
    {
        NextSequence++;
        _offset += _span;
    }

    /// <summary>
    /// Where the writer has made the log's files again, for somebody had removed them: goes on in those, once it has read
    /// what only the old ones have.
    /// </summary>
    /// <exception cref="IOException">They are there in part, or no log.</exception>
    public void Renew()
    {
        if (Head.Is(_folder) || !(_folder / LogHead.FileName).Exists)
        {
            return;
        }
        using var made = LogHead.Open(_folder);
        if (_segment is null || (_number < made.FirstSegment && (!IsAtEnd || Segment.PathOf(_folder, _number + 1).Exists)))
        {
            return;
        }
        // Else what was between is gone, which shows by the head.
        var path = Segment.PathOf(_folder, _number);
        if (_number >= made.FirstSegment && !_segment.Is(path))
        {
            _segment.MoveTo(path);
        }
        _lent.Renew();
        Head.MoveTo(_folder);
    }

    /// <summary>Whether nothing more will be read in this segment.</summary>
    private bool IsAtEnd =>
        Word is var word && (word <= 0 || (_view.ReadByte(_offset + Frame.Kind) == Frame.Padding && word == _view.Length - _offset));

    private bool TryUse(long number)
    {
        if (_segment is not null && number == _number)
        {
            _offset = Segment.HeadSize;
            return true;
        }
        Mapping? segment;
        try
        {
            segment = Segment.Open(_folder, number, writable: false, populate: true);
        }
        catch (InvalidDataException) when (number < Head.FirstSegment)
        {
            // It was recycled between its opening and its checking.
            return false;
        }
        if (segment is null)
        {
            return false;
        }
        LeaveSegment();
        _segment = segment;
        _view = segment.View;
        _number = number;
        _offset = Segment.HeadSize;
        AwaitAgain();
        Renew();
        return true;
    }

    private void LeaveSegment()
    {
        _lease?.Dispose();
        _lease = null;
        _segment?.Dispose();
        _segment = null;
    }

    public void Dispose()
    {
        LeaveSegment();
        if (_awaits is { } who)
        {
            Head.EndAwaiting(who.Process, who.Reader);
            // Disposed of twice, it does not touch what is mapped no more.
            _awaits = null;
        }
        _lent.Dispose();
        _view = default;
        Head.Dispose();
    }
}
