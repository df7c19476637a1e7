using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>
/// A segment whose frames are read in place for long: it stays mapped, and its file is not used again by the log's writer
/// (<see cref="LogHead.TryLease"/>), until the last of its holders has disposed of it. Thread-safe.
/// </summary>
public sealed class SegmentLease : IDisposable
{
    private readonly LogHead _head;
    private readonly Mapping _headFile;
    private readonly Mapping _segment;
    private readonly ulong _mark;
    private int _holders = 1;

    internal SegmentLease(LogHead head, Mapping segment, long number, uint process, uint reader)
    {
        _head = head;
        _headFile = head.File.Hold();
        _segment = segment.Hold();
        Number = number;
        _mark = LogHead.LeaseMark(process, reader, number);
    }

    public long Number { get; }

    /// <summary>
    /// Says that it is leased, at first and again: a later incarnation of this process, now rolled back, may have said that it is
    /// not. False: the log has let go of the segment, and what is in it may have changed before this.
    /// </summary>
    public bool Renew()
    {
        if (!_head.TryLease(_mark))
        {
            // No room: nothing of this log is used again.
            _head.KeepFiles();
        }
        // The writer raises FirstSegment before it looks for holders.
        Interlocked.MemoryBarrier();
        return Number >= _head.FirstSegment;
    }

    /// <summary>Whether its bytes are what they were: it was not used again, and is no empty file that stands in for it.</summary>
    public bool IsIntact =>
        Number >= _head.FirstSegment
        || (_segment.View.ReadUInt64(Segment.Magic) == Segment.MagicValue && _segment.View.ReadInt64(Segment.Number) == Number);

    /// <summary>One more holder, who is to dispose of it too. Returns this.</summary>
    internal SegmentLease Hold()
    {
        Interlocked.Increment(ref _holders);
        return this;
    }

    /// <summary>Once by each holder.</summary>
    public void Dispose()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            _head.EndLease(_mark);
            _segment.Dispose();
            _headFile.Dispose();
        }
    }
}
