using System.Numerics;
using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>
/// One cell of a journal: a determinant, or part of one.
/// <code>
///   0 u64 Head: bits 0..7 kind (1..253), 8..31 entity, 32..47 role, 48..63 check
///   8 i64 Value
///  16 u32 Detail   20 u32 (zero)
/// </code>
/// The check is of all else and of the cell's position: the low half of a CRC32C.
/// </summary>
public readonly record struct Cell(byte Kind, uint Entity, uint Detail, long Value, ushort Role = 0)
{
    /// <summary>The kind that a cell is read with which is not as it was written.</summary>
    public const byte Damaged = 254;

    private ulong Name => Kind | ((ulong)(Entity & 0xffffff) << 8) | ((ulong)Role << 32);

    internal ulong HeadAt(long position) => Name | ((ulong)CheckAt(position) << 48);

    internal static Cell From(ulong head, uint detail, long value) =>
        new((byte)head, (uint)(head >> 8) & 0xffffff, detail, value, (ushort)(head >> 32));

    private ushort CheckAt(long position)
    {
        var crc = BitOperations.Crc32C(~0u, Name);
        crc = BitOperations.Crc32C(crc, (ulong)Value);
        crc = BitOperations.Crc32C(crc, (ulong)Detail);
        return (ushort)BitOperations.Crc32C(crc, (ulong)position);
    }
}

/// <summary>
/// A chain of files of 24-byte cells, written and read by position: where a committed cell stands at the position, a
/// previous incarnation wrote it and this one replays. A cell is claimed by compare-and-swap, its value stored, then committed; a
/// claim that was never committed (its writer died) is claimed again by the next incarnation. So is a last cell whose check is
/// wrong: a bit of it has changed since the file was made. One among others is read as <see cref="Cell.Damaged"/>.
/// <code>
///   file N, 64 KiB: 0 u64 Magic, of which the last byte is the format's version   8 i64 N   16 .. 64 zero
///                   64 cells, 2728 of them; cell i is in file i / 2728
/// </code>
/// Thread-safety: one caller at a time.
/// </summary>
public sealed class Journal : IDisposable
{
    public const ulong MagicValue = 0x334c4e4a4b434b52; // "RKCKJNL3"
    public const int FileSize = 64 * 1024;
    public const int HeadSize = 64;
    public const int CellSize = 24;
    public const int CellsPerFile = (FileSize - HeadSize) / CellSize;
    private const ulong Claimed = 0xff;

    private readonly TrustedPath _folder;
    private readonly bool _writable;
    private readonly ILogLimits? _limits;
    private Mapping? _file;
    private Region _view;
    private long _number = -1;
    private long _first;

    private Journal(TrustedPath folder, bool writable, ILogLimits? limits)
    {
        _folder = folder;
        _writable = writable;
        _limits = limits;
    }

    /// <summary>Index of the next cell to read or write.</summary>
    public long Position { get; private set; }

    /// <summary>Index of the first cell still kept.</summary>
    public long First => _first * CellsPerFile;

    /// <summary>Makes or continues a journal, at its first kept cell.</summary>
    /// <param name="limits">What it may keep; null: all.</param>
    public static Journal Open(TrustedPath folder, ILogLimits? limits)
    {
        folder.MakeFolder();
        var journal = new Journal(folder, writable: true, limits) { _first = FirstFile(folder) };
        journal.Position = journal.First;
        journal.Use(journal._first, make: true);
        return journal;
    }

    /// <summary>Opens a journal to look at it, at its first kept cell, while its owner goes on.</summary>
    /// <exception cref="IOException">There is none.</exception>
    public static Journal OpenToRead(TrustedPath folder)
    {
        if (!folder.Exists)
        {
            throw new DirectoryNotFoundException($"there is no journal at {folder}");
        }
        var journal = new Journal(folder, writable: false, null) { _first = FirstFile(folder) };
        journal.Position = journal.First;
        journal.Use(journal._first, make: false);
        return journal;
    }

    /// <summary>The same, at a cell, whatever the files before it are.</summary>
    internal static Journal OpenToRead(TrustedPath folder, long position) =>
        new(folder, writable: false, null) { Position = position };

    /// <summary>Whether a committed cell stands at the position: a previous incarnation's, so this one replays.</summary>
    public bool HasNext => TryPeek(out _);

    public bool TryPeek(out Cell cell)
    {
        if (!Reach(make: false))
        {
            cell = default;
            return false;
        }
        var offset = Offset;
        var head = _view.AcquireUInt64(offset);
        if (head is 0 or Claimed)
        {
            cell = default;
            return false;
        }
        cell = Read(offset, head);
        if (cell.HeadAt(Position) == head)
        {
            return true;
        }
        var isLast = IsLast(offset);
        cell = isLast ? default : new Cell(Cell.Damaged, 0, 0, 0);
        return !isLast;
    }

    /// <summary>Passes the cell at the position.</summary>
    public void Advance() => Position++;

    /// <summary>Goes to a cell that is kept.</summary>
    public void Seek(long position) => Position = position;

    /// <summary>Writes a cell at the position and passes it. False: a previous incarnation's cell stands there.</summary>
    /// <exception cref="PosixException">A new file was needed and there is no space; nothing is written.</exception>
    public bool TryAppend(in Cell cell)
    {
        Reach(make: true);
        var offset = Offset;
        var there = _view.AcquireUInt64(offset);
        if ((there != 0 && there != Claimed && (Read(offset, there).HeadAt(Position) == there || !IsLast(offset)))
            || !_view.CompareExchange(offset, there, Claimed))
        {
            return false;
        }
        _view.Write(offset + 8, cell.Value);
        _view.Write(offset + 16, (ulong)cell.Detail);
        _view.Release(offset, cell.HeadAt(Position));
        Position++;
        return true;
    }

    private Cell Read(int offset, ulong head) => Cell.From(head, _view.ReadUInt32(offset + 16), _view.ReadInt64(offset + 8));

    /// <summary>Whether no cell is after the one at the position.</summary>
    private bool IsLast(int offset) =>
        offset + CellSize < FileSize ? _view.AcquireUInt64(offset + CellSize) == 0 : !PathOf(_number + 1).Exists;

    /// <summary>
    /// After a cell could not be written: goes on in another file, with the next cell's number. What went before is let go of,
    /// for what happened meanwhile stands nowhere; an incarnation that comes from there finds that its cells are not kept.
    /// </summary>
    /// <exception cref="PosixException">There still is no space; nothing is changed.</exception>
    public void BeginAnew()
    {
        // A file is left out, so that no position of before is one of after.
        var number = Math.Max(_number, Position / CellsPerFile) + 1;
        Use(number, make: true);
        for (; _first < number; _first++)
        {
            PathOf(_first).Unlink();
        }
        Position = First;
    }

    private int Offset => HeadSize + ((int)(Position % CellsPerFile) * CellSize);

    /// <summary>Has the file of the position mapped; false if it is not there (yet) and not to be made.</summary>
    private bool Reach(bool make)
    {
        var number = Position / CellsPerFile;
        return number == _number || Use(number, make);
    }

    private bool Use(long number, bool make)
    {
        var path = PathOf(number);
        Mapping file;
        if (path.Exists)
        {
            file = Mapping.Open(path);
            if (file.View.Length != FileSize || file.View.ReadUInt64(0) != MagicValue || file.View.ReadInt64(8) != number)
            {
                file.Dispose();
                throw new InvalidDataException($"{path} is not file {number} of a journal");
            }
        }
        else if (!make || !_writable)
        {
            return false;
        }
        else
        {
            file = Make(path, number);
            KillPoints.Hit(KillPoint.JournalRoll);
            Retire(number);
        }
        _file?.Dispose();
        _file = file;
        _view = file.View;
        _number = number;
        return true;
    }

    private static Mapping Make(TrustedPath path, long number) =>
        SpareRoom.Do(path.Folder, FileSize, () => NewFile.Make(path, FileSize, spare: null, view =>
        {
            view.Write(8, number);
            view.Write(0, MagicValue);
        })) ?? Mapping.Open(path);

    private TrustedPath PathOf(long number) => _folder / number.ToString("d");

    private void Retire(long newest)
    {
        if (_limits is null)
        {
            return;
        }
        var most = Math.Min(_limits.History, _limits.Most);
        if (!_limits.TryGrow(FileSize))
        {
            most = Math.Min(most, (newest - _first) * FileSize);
            _limits.Count(FileSize);
        }
        for (; (newest - _first + 1) * FileSize > Math.Max(most, 2 * FileSize); _first++)
        {
            PathOf(_first).Unlink();
            _limits.Count(-FileSize);
        }
    }

    /// <summary>Whether the file at the position is there: somebody may have removed it.</summary>
    public bool IsNamed => _file is null || _file.Is(_folder / _number.ToString("d"));

    /// <summary>
    /// Where somebody has removed its files: makes the one that is mapped again; older cells are gone. Does nothing if it is
    /// there.
    /// </summary>
    /// <exception cref="PosixException">ENOSPC and the like; it can be tried again.</exception>
    public void Remake()
    {
        var path = _folder / _number.ToString("d");
        if (_file is null || _file.Is(path))
        {
            return;
        }
        _folder.MakeFolder();
        _file.Remake(path);
        _first = _number;
    }

    private static long FirstFile(TrustedPath folder)
    {
        var first = long.MaxValue;
        foreach (var name in folder.Names())
        {
            if (long.TryParse(name, out var number))
            {
                first = Math.Min(first, number);
            }
        }
        return first == long.MaxValue ? 0 : first;
    }

    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
        _number = -1;
    }
}
