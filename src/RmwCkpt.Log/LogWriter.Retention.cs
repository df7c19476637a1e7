using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>
/// How much of a log is kept, in segments of which size: small ones at first, larger ones where they fill fast, and never
/// more than a fraction of what the log may keep. Where the file system is full the log goes on with the files that it has.
/// </summary>
public sealed partial class LogWriter
{
    /// <summary>A segment holds no more than this part of what the log may keep, unless one message needs it.</summary>
    private const int PartsOfLimit = 8;

    /// <summary>A segment that was filled in less, ns, is followed by a larger one.</summary>
    private const long FilledFast = 10_000_000_000;

    /// <summary>Messages up to this size, bytes, find room for others like them in a new segment.</summary>
    private const int SharesSegment = 16 * 1024 * 1024;

    /// <summary>
    /// A file of the log's folder that is allocated when the log is made, and becomes a segment where there is no room for
    /// another: a log of one segment has none that it could use again.
    /// </summary>
    private const string ReserveName = "reserve";
    private const int ReserveSize = 4096;

    private int SmallSize => Math.Min(FirstSegmentSize, _usualSegmentSize);

    private long Limit => Math.Min(_limits.History, _limits.Most);

    /// <summary>Bytes of a usual segment, and of the slots that one refers to, at most.</summary>
    private int UsualSize => UsualSizeOf(Limit);

    private int UsualSizeOf(long limit) => (int)Math.Clamp(limit / PartsOfLimit, SmallSize, _usualSegmentSize);

    private Mapping MakeSegment(long number, int span, bool isLent = false)
    {
        RemoveLeftovers();
        var (kept, most) = (KeptBytes(), _limits.Most);
        var (size, more) = (0, 0L);
        void Measure()
        {
            size = isLent ? SmallSize : SizeFor(span, kept, Math.Min(most, _limits.History));
            more = size + (isLent ? LentBytesPerSegment : 0);
        }
        Measure();
        var counted = _limits.TryGrow(more) ? more : 0;
        if (counted == 0)
        {
            // Until the master has looked, or others have let go of some.
            most = Math.Min(most, Math.Max(_limits.IsOverdrawn ? kept - more : kept, ILogLimits.Least));
            Measure();
        }
        Mapping? made = null;
        try
        {
            return made = MakeSegment(number, span, size, more, kept, most);
        }
        finally
        {
            _limits.Count(KeptBytes() + (made is null ? 0 : CostOf(number)) - kept - counted);
        }
    }

    private Mapping MakeSegment(long number, int span, int size, long more, long kept, long most)
    {
        if (Head.FirstSegment < _number && kept > 0 && kept + more > most && IsAwaited(Head.FirstSegment))
        {
            throw ReaderBehind();
        }
        try
        {
            var segment = Segment.Make(_folder, number, size, _next, MayGo(Head.FirstSegment, kept, more, most) ? Reusable(size) : null);
            for (kept = KeptBytes(); MayGo(Head.FirstSegment, kept, more, most); kept -= LetGo())
            {
            }
            return segment;
        }
        catch (PosixException e) when (e.Errno == Posix.Enospc)
        {
            var least = Round(Segment.HeadSize + (long)span);
            if ((MakeOfSpare(number, Math.Max(SmallSize, least)) ?? MakeOfOwn(number, least)) is { } segment)
            {
                return segment;
            }
            if (Head.FirstSegment < _number && IsAwaited(Head.FirstSegment))
            {
                throw ReaderBehind();
            }
            throw;
        }
    }

    /// <summary>Whether a reader that is to miss nothing is in this segment, or in one before.</summary>
    private bool IsAwaited(long number) => AwaitsReaders && Head.FirstAwaited(_limits).Segment <= number;

    private ReaderBehindException ReaderBehind() => new(
        $"a reader that is to miss nothing has not read what is all that {_folder} may keep", Head.FirstAwaited(_limits).Process);

    private int SizeFor(int span, long kept, long limit)
    {
        var first = _view.ReadInt64(Segment.HeadSize + Frame.Time);
        var usual = Math.Max((long)_view.Length * (Head.LastTime - first < FilledFast ? 4 : 1), kept / (2 * PartsOfLimit));
        usual = Math.Clamp(usual, SmallSize, UsualSizeOf(limit));
        return Round(Math.Max(
            span <= SharesSegment ? Math.Max(usual, Math.Min(4L * span, Math.Max(limit / 4, span))) : 0, span + (long)Segment.HeadSize));
    }

    private static int Round(long size) => (int)Math.Min((size + 4095) & ~4095L, int.MaxValue & ~4095);

    /// <summary>
    /// Bytes of the segments up to the one at the position, with the slots that they refer to. Not counted, 0, where there is
    /// no limit.
    /// </summary>
    private long KeptBytes()
    {
        if (Head.FirstSegment < 0)
        {
            throw new InvalidDataException($"{_folder} is damaged: its head says that segment {Head.FirstSegment} is its first");
        }
        var kept = 0L;
        for (var number = Limit < long.MaxValue / 4 ? Head.FirstSegment : long.MaxValue; number <= _number; number++)
        {
            kept += CostOf(number);
        }
        return kept;
    }

    private long CostOf(long number)
    {
        var length = LengthOf(number);
        return length + (length <= SmallSize ? LentBytesPerSegment : 0);
    }

    private long LengthOf(long number) => Segment.PathOf(_folder, number).Facts?.Size ?? 0;

    /// <summary>
    /// Whether the log's first segment, of which <paramref name="number"/> is the number, may be let go of where it keeps so
    /// many bytes, is to have so many more, and may have <paramref name="most"/>. Never the one at the position.
    /// </summary>
    private bool MayGo(long number, long kept, long more, long most)
    {
        if (number >= _number || IsAwaited(number))
        {
            return false;
        }
        if (kept > 0 && kept + more > most)
        {
            return true;
        }
        if (kept <= _limits.History)
        {
            return false;
        }
        using var following = Segment.Open(_folder, number + 1);
        return following is null
            || (following.View.ReadInt64(Segment.FirstSequence) <= _next - _keptSequences
                && following.View.ReadInt64(Segment.HeadSize + Frame.Time) <= _limits.NeededSince);
    }

    /// <summary>Lets go of the first segment, and returns its file if it can be used again as it is; else null, and it stays.</summary>
    private TrustedPath? Reusable(int size)
    {
        var first = Head.FirstSegment;
        if (LengthOf(first) != size)
        {
            return null;
        }
        // Raised before it is looked for holders: who holds it looks there after he has said so.
        Raise();
        if (!Head.IsLeased(first))
        {
            return Segment.PathOf(_folder, first);
        }
        Segment.PathOf(_folder, first).Unlink();
        return null;
    }

    /// <summary>Lets go of the first segment and removes its file; returns the bytes that it kept.</summary>
    private long LetGo()
    {
        var first = Head.FirstSegment;
        var cost = CostOf(first);
        Raise();
        Segment.PathOf(_folder, first).Unlink();
        return cost;
    }

    /// <summary>
    /// FirstSegment is raised before a file changes: a reader that was in it looks there after it has read.
    /// </summary>
    private void Raise()
    {
        Head.FirstSegment++;
        Interlocked.MemoryBarrier();
    }

    /// <summary>An incarnation that died may have left files that are no longer part of the log.</summary>
    private void RemoveLeftovers()
    {
        for (var left = Head.FirstSegment - 1; left >= 0 && Segment.PathOf(_folder, left).Unlink(); left--)
        {
        }
    }

    /// <summary>
    /// Where the file system is full: makes a segment of the room that the domain keeps, while the log has less than what any
    /// may have. A log that goes round in its first segment has no room for what is said at once, as of who catches up, and
    /// readers miss some of it. Null: the log has as much, or what is spare is for those who join.
    /// </summary>
    private Mapping? MakeOfSpare(long number, int size)
    {
        if (SizeOfSegments() + size > ILogLimits.Least)
        {
            return null;
        }
        try
        {
            return SpareRoom.Do(_folder.Folder, size, () => Segment.Make(_folder, number, size, _next, spare: null), SpareRoom.ForThoseWhoJoin);
        }
        catch (PosixException e) when (e.Errno == Posix.Enospc)
        {
            return null;
        }
    }

    private long SizeOfSegments()
    {
        var size = 0L;
        for (var number = Head.FirstSegment; number <= _number; number++)
        {
            size += LengthOf(number);
        }
        return size;
    }

    /// <summary>
    /// Where the file system is full: makes a segment of at least <paramref name="least"/> bytes of the oldest file that is as
    /// large; else of what is free once others are removed. One more than that at the position is kept all the same, for
    /// smaller messages. Null: there is no room for this one.
    /// </summary>
    private Mapping? MakeOfOwn(long number, int least)
    {
        for (var old = Head.FirstSegment; old < _number && !IsAwaited(old); old++)
        {
            if (LengthOf(old) < least || Head.IsLeased(old))
            {
                continue;
            }
            while (Head.FirstSegment < old)
            {
                LetGo();
            }
            Raise();
            if (!Head.IsLeased(old))
            {
                return Segment.Make(_folder, number, least, _next, Segment.PathOf(_folder, old));
            }
            Segment.PathOf(_folder, old).Unlink();
        }
        while (true)
        {
            try
            {
                return Segment.Make(_folder, number, least, _next, spare: null);
            }
            catch (PosixException e) when (e.Errno == Posix.Enospc)
            {
                if (Head.FirstSegment < _number - 1 && !IsAwaited(Head.FirstSegment))
                {
                    LetGo();
                    continue;
                }
                return least <= Math.Max(_view.Length, ReserveSize) ? TakeSmallOne(number) : null;
            }
        }
    }

    /// <summary>
    /// A segment of the old file that is left, or of the reserve, whatever its size: that at the position, which is as large
    /// as is needed, can then be used again. Null: there is none.
    /// </summary>
    private Mapping? TakeSmallOne(long number)
    {
        var file = _folder / ReserveName;
        if (Head.FirstSegment < _number)
        {
            if (Head.IsLeased(Head.FirstSegment) || IsAwaited(Head.FirstSegment))
            {
                return null;
            }
            file = Segment.PathOf(_folder, Head.FirstSegment);
            Raise();
        }
        return file.Exists ? Segment.Make(_folder, number, ReserveSize, _next, file) : null;
    }

    /// <summary>
    /// Removes what is kept beyond <see cref="ILogLimits.Most"/>, which may have become less: a log that is not written to
    /// makes no new segment. Not in replay.
    /// </summary>
    public void Trim()
    {
        var before = KeptBytes();
        var kept = before;
        for (; kept > _limits.Most && Head.FirstSegment < _number && !IsAwaited(Head.FirstSegment); kept -= LetGo())
        {
        }
        _limits.Count(kept - before);
    }

    private static void MakeReserve(TrustedPath folder)
    {
        try
        {
            SpareRoom.Do(folder.Folder, ReserveSize, () => NewFile.Make(folder / ReserveName, ReserveSize, spare: null, _ => { }))?.Dispose();
        }
        catch (PosixException)
        {
            // There is no room for it: then the log has none.
        }
    }
}
