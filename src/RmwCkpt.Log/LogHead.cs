using System.Numerics;
using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>
/// The head of a log, a mapped file of 4096 bytes: what the writer has reached, who reads, and what the log is.
/// <code>
///    0 u64 Magic            8 u32 Version
///   64 i64 FirstSegment    oldest kept; raised before the file is recycled    written by the writer
///   72 i64 LastSegment     newest made
///   80 i64 TailSequence    last committed
///   88 i64 TailPosition    segment &lt;&lt; 32 | offset after it: a place to walk on from, not a promise
///   96 i64 Bytes           committed, ever
///  104 i64 LastTime        of the newest frame, ns since the epoch
///  112 i64 Asserted        when the writer last said that it is alive, ns since the epoch
///  128 u64 ReaderWords     bit w: word w of Readers is not zero                written by readers
///  136 u64 FilesKept       1: there was no room in Leases: no segment's file is used again
///  192 u64 Readers[64]     bit p: process slot p reads this log, ring it
///  704 u64 EverRead[64]    bit p: process slot p has read it, and may read it again when it recovers
/// 1280 u64 Leases[32]      segments of which frames are read in place for long: process slot &lt;&lt; 52 | reader &lt;&lt; 32 | number
/// 1536 Metadata[1536]      the middleware's: see EndpointHead
/// 3072 u64 Awaited[128]    where readers are that are to miss nothing: process slot &lt;&lt; 52 | reader &lt;&lt; 32 | segment + 1
/// </code>
/// </summary>
public sealed class LogHead : IDisposable
{
    public const ulong MagicValue = 0x31474f4c4b434b52; // "RKCKLOG1"
    public const uint CurrentVersion = 5;
    public const int FileSize = 4096;
    public const string FileName = "head";
    public const int MetadataOffset = 1536;
    public const int MetadataSize = Awaited - MetadataOffset;

    private const int Magic = 0;
    private const int Version = 8;
    private const int FirstSegmentOffset = 64;
    private const int LastSegmentOffset = 72;
    private const int TailSequenceOffset = 80;
    private const int TailPositionOffset = 88;
    private const int BytesOffset = 96;
    private const int LastTimeOffset = 104;
    private const int AssertedOffset = 112;
    private const int ReaderWords = 128;
    private const int FilesKept = 136;
    private const int Readers = 192;
    private const int EverRead = 704;
    private const int Leases = 1280;
    private const int LeaseCount = 32;
    private const int Awaited = 3072;
    private const int AwaitedCount = 128;

    private readonly Mapping _file;
    private readonly Region _view;

    private LogHead(Mapping file)
    {
        _file = file;
        _view = file.View;
    }

    /// <summary>
    /// Makes the head of a new log; <paramref name="fill"/> writes its metadata before readers can find it. One that is there
    /// is a previous incarnation's, and the same.
    /// </summary>
    public static LogHead Make(TrustedPath folder, Action<Region> fill)
    {
        var file = SpareRoom.Do(folder.Folder, FileSize, () => NewFile.Make(folder / FileName, FileSize, spare: null, view =>
        {
            view.Write(Version, CurrentVersion);
            view.Write(Magic, MagicValue);
            fill(view.Slice(MetadataOffset, MetadataSize));
        }));
        return file is null ? Open(folder) : new LogHead(file);
    }

    /// <exception cref="PosixException">ENOENT and the like.</exception>
    /// <exception cref="InvalidDataException">The file is no log's head.</exception>
    public static LogHead Open(TrustedPath folder)
    {
        var file = Mapping.Open(folder / FileName);
        var view = file.View;
        if (view.Length != FileSize || view.ReadUInt64(Magic) != MagicValue || view.ReadUInt32(Version) != CurrentVersion)
        {
            file.Dispose();
            throw new InvalidDataException($"{file.Path} is not the head of a log of version {CurrentVersion}");
        }
        return new LogHead(file);
    }

    /// <summary>Whether it is the head of the log that is there: somebody may have removed that.</summary>
    internal bool Is(TrustedPath folder) => _file.Is(folder / FileName);

    /// <summary>By the writer, where somebody has removed it: makes it again, of a log that has these segments.</summary>
    internal void Remake(TrustedPath folder, long first, long last) => _file.Remake(folder / FileName, view =>
    {
        view.Write(FirstSegmentOffset, first);
        view.Write(LastSegmentOffset, last);
    });

    /// <summary>By a reader: goes to the one that the writer has made again.</summary>
    internal void MoveTo(TrustedPath folder) => _file.MoveTo(folder / FileName);

    public Region Metadata => _view.Slice(MetadataOffset, MetadataSize);

    public long FirstSegment
    {
        get => _view.AcquireInt64(FirstSegmentOffset);
        set => _view.Release(FirstSegmentOffset, value);
    }

    public long LastSegment
    {
        get => _view.AcquireInt64(LastSegmentOffset);
        set => _view.Release(LastSegmentOffset, value);
    }

    public long TailSequence => _view.AcquireInt64(TailSequenceOffset);

    public long Bytes => _view.AcquireInt64(BytesOffset);

    /// <summary>Time of the newest frame, ns since the epoch; 0: there was none.</summary>
    public long LastTime => _view.AcquireInt64(LastTimeOffset);

    /// <summary>When the writer last asserted its liveliness, ns since the epoch; 0: never. Any thread of it may.</summary>
    public long Asserted
    {
        get => _view.AcquireInt64(AssertedOffset);
        set => _view.Release(AssertedOffset, value);
    }

    public (long Segment, int Offset) TailPosition
    {
        get
        {
            var packed = _view.AcquireInt64(TailPositionOffset);
            return (packed >> 32, (int)(packed & 0xffffffff));
        }
    }

    internal void Advance(long sequence, long segment, int offset, int length, long time)
    {
        if (sequence <= TailSequence)
        {
            // A replaying incarnation passes what its previous incarnation had reached.
            return;
        }
        _view.Release(TailSequenceOffset, sequence);
        _view.Release(TailPositionOffset, (segment << 32) | (uint)offset);
        _view.Write(BytesOffset, _view.ReadInt64(BytesOffset) + length);
        _view.Release(LastTimeOffset, time);
    }

    public void AddReader(uint process)
    {
        _view.Or(EverRead + Word(process), Bit(process));
        _view.Or(Readers + Word(process), Bit(process));
        _view.Or(ReaderWords, 1ul << (int)(process / 64));
    }

    /// <summary>It is not rung any more; that it has read stays known.</summary>
    public void RemoveReader(uint process) => _view.And(Readers + Word(process), ~Bit(process));

    public bool HasReader(uint process) => (_view.AcquireUInt64(Readers + Word(process)) & Bit(process)) != 0;

    /// <summary>The slot is to be another process': nobody of it has read this, or reads it.</summary>
    public void ForgetReader(uint process)
    {
        _view.And(Readers + Word(process), ~Bit(process));
        _view.And(EverRead + Word(process), ~Bit(process));
        EndLeases(0xffful << 52, (ulong)process << 52);
        EndAwaiting(0xffful << 52, (ulong)process << 52);
    }

    /// <summary>Whether a process of this slot has ever read; it may have been another than the one that has the slot now.</summary>
    public bool WasReader(uint process) => (_view.AcquireUInt64(EverRead + Word(process)) & Bit(process)) != 0;

    private static int Word(uint process) => (int)(process / 64) * 8;

    private static ulong Bit(uint process) => 1ul << (int)(process % 64);

    internal Mapping File => _file;

    /// <summary>
    /// From now on a segment that is let go is unlinked, never written again: who has it mapped keeps what it says. For
    /// good: who found no room in Leases leaves nothing behind that could be taken away.
    /// </summary>
    public void KeepFiles() => _view.Or(FilesKept, 1);

    internal bool AreFilesKept => _view.AcquireUInt64(FilesKept) != 0;

    /// <summary>What stands in Leases. 0, which is never there: the number is too large for it.</summary>
    /// <param name="process">Slot, 1 to 4095.</param>
    /// <param name="reader">Tells the readers of a process apart; its lowest 20 bits do.</param>
    internal static ulong LeaseMark(uint process, uint reader, long number) =>
        number <= uint.MaxValue ? ((ulong)process << 52) | ((ulong)(reader & 0xfffff) << 32) | (ulong)number : 0;

    /// <summary>
    /// While the mark stands in the head, the segment's file is not used again. One that a previous incarnation of its process has
    /// left is taken over. False: there is no room.
    /// </summary>
    internal bool TryLease(ulong mark)
    {
        if (mark == 0)
        {
            return false;
        }
        for (var i = 0; i < LeaseCount; i++)
        {
            if (_view.AcquireUInt64(Leases + (i * 8)) == mark)
            {
                return true;
            }
        }
        for (var i = 0; i < LeaseCount; i++)
        {
            if (_view.CompareExchange(Leases + (i * 8), 0ul, mark))
            {
                return true;
            }
        }
        return false;
    }

    internal void EndLease(ulong mark) => EndLeases(ulong.MaxValue, mark);

    /// <summary>Takes away the marks that have a value in some bits.</summary>
    private void EndLeases(ulong bits, ulong value)
    {
        for (var i = 0; i < LeaseCount; i++)
        {
            var mark = _view.AcquireUInt64(Leases + (i * 8));
            if (mark != 0 && (mark & bits) == value)
            {
                _view.CompareExchange(Leases + (i * 8), mark, 0ul);
            }
        }
    }

    /// <summary>Whether a segment's file may not be used again, although FirstSegment says that it is let go.</summary>
    internal bool IsLeased(long number)
    {
        if (AreFilesKept)
        {
            return true;
        }
        for (var i = 0; i < LeaseCount; i++)
        {
            var mark = _view.AcquireUInt64(Leases + (i * 8));
            if (mark != 0 && (uint)mark == (uint)number)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>
    /// A reader that is to miss nothing is in a segment, or was in one before: the writer does not let go of it, or of those
    /// after it, while the reader's process lives. Where there is no room for it in the head it may miss something.
    /// </summary>
    /// <param name="reader">As <see cref="LeaseMark"/>'s.</param>
    internal void Await(uint process, uint reader, long number)
    {
        if (number >= uint.MaxValue)
        {
            return;
        }
        var mark = AwaitMark(process, reader) | (ulong)(number + 1);
        for (var i = 0; i < AwaitedCount; i++)
        {
            var there = _view.AcquireUInt64(Awaited + (i * 8));
            if (there >> 32 == mark >> 32)
            {
                _view.Release(Awaited + (i * 8), mark);
                return;
            }
        }
        for (var i = 0; i < AwaitedCount; i++)
        {
            if (_view.CompareExchange(Awaited + (i * 8), 0ul, mark))
            {
                return;
            }
        }
    }

    internal void EndAwaiting(uint process, uint reader) => EndAwaiting(ulong.MaxValue << 32, AwaitMark(process, reader));

    private static ulong AwaitMark(uint process, uint reader) => ((ulong)process << 52) | ((ulong)(reader & 0xfffff) << 32);

    private void EndAwaiting(ulong bits, ulong value)
    {
        for (var i = 0; i < AwaitedCount; i++)
        {
            if (_view.AcquireUInt64(Awaited + (i * 8)) is var mark && mark != 0 && (mark & bits) == value)
            {
                _view.Release(Awaited + (i * 8), 0ul);
            }
        }
    }

    /// <summary>The first segment in which such a reader is, and its process; the largest number where there is none.</summary>
    internal (long Segment, uint Process) FirstAwaited(ILogLimits readers)
    {
        var first = (Segment: long.MaxValue, Process: 0u);
        for (var i = 0; i < AwaitedCount; i++)
        {
            if (_view.AcquireUInt64(Awaited + (i * 8)) is var mark && mark != 0 && (uint)(mark >> 52) is var process
                && HasReader(process) && readers.IsReading(process))
            {
                first = (uint)mark - 1L < first.Segment ? ((uint)mark - 1L, process) : first;
            }
        }
        return first;
    }

    /// <summary>The next reading process after <paramref name="process"/> (start with -1), or -1. Allocates nothing.</summary>
    public int NextReader(int process)
    {
        var words = _view.AcquireUInt64(ReaderWords);
        for (var next = process + 1; next < 4096;)
        {
            var remaining = words & (ulong.MaxValue << (next / 64));
            if (remaining == 0)
            {
                return -1;
            }
            var word = BitOperations.TrailingZeroCount(remaining);
            if (word > next / 64)
            {
                next = word * 64;
            }
            var bits = _view.AcquireUInt64(Readers + (word * 8)) & (ulong.MaxValue << (next % 64));
            if (bits != 0)
            {
                return (word * 64) + BitOperations.TrailingZeroCount(bits);
            }
            next = (word + 1) * 64;
        }
        return -1;
    }

    public void Dispose() => _file.Dispose();
}
