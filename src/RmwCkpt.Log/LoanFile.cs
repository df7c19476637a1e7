using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>
/// A file of a log's folder that holds messages which were written where they are: they were lent, and the log refers to
/// them. It is there as long as the log, and its size never changes.
/// <code>
///   0 u64 Magic   8 i32 Number   12 i32 SlotSize   16 i32 Slots   20 .. 64 zero
///   64 i64 FreeFrom[Slots]   the slot is free once this is not above the log's FirstSegment: 0 from the first, a segment's
///                            number + 1 when that refers to it, the largest i64 while it is lent to who writes
///   4096 slots, of whole pages: 60 bytes of nothing, then the payload, of which CDR's body starts at the 64th
/// </code>
/// FreeFrom is changed by compare and exchange only: two incarnations of the writer, of which one is rolled back to before the
/// other's end, agree on a slot by what stands there, never by what they remember of it.
/// </summary>
public static class LoanFile
{
    public const ulong MagicValue = 0x314e414f4c4b4352; // "RCKLOAN1"

    /// <summary>Slots are multiples of it, for they are detached by whole pages.</summary>
    public const int PageSize = 4096;
    public const int HeadSize = PageSize;
    public const int Magic = 0;
    public const int Number = 8;
    public const int SlotSize = 12;
    public const int Slots = 16;
    public const int FreeFrom = 64;
    public const int MaxSlots = 128;

    /// <summary>Bytes in a slot before the payload.</summary>
    public const int Lead = 60;

    /// <summary><see cref="FreeFrom"/> of a slot that is lent to who writes.</summary>
    public const long Borrowed = long.MaxValue;

    public static TrustedPath PathOf(TrustedPath folder, int number) => folder / $"loans-{number:d}";

    /// <summary>Size of a slot for payloads of a size, or 0: there can be none so large.</summary>
    public static int SlotSizeFor(int payload)
    {
        var size = (payload + (long)Lead + PageSize - 1) & ~(PageSize - 1L);
        return size <= int.MaxValue - HeadSize - PageSize + 1 ? (int)size : 0;
    }

    /// <summary>What stands in <see cref="FreeFrom"/> of the slot that a payload is in; 0 if an empty file stands in for this.</summary>
    public static long FreeFromOf(Region file, Region payload)
    {
        var slot = (int)(payload.Address - file.Address - HeadSize) / Math.Max(PageSize, file.ReadInt32(SlotSize));
        return slot < MaxSlots ? file.AcquireInt64(FreeFrom + (slot * 8)) : 0;
    }

    /// <summary>Makes file <paramref name="number"/>, or opens the one that is there.</summary>
    /// <exception cref="PosixException">ENOSPC and the like; nothing is left behind.</exception>
    public static Mapping Make(TrustedPath folder, int number, int slotSize, int slots)
    {
        if (Open(folder, number, writable: true) is { } there)
        {
            return there;
        }
        var path = PathOf(folder, number);
        // Mapped by its own name, by which it is mapped again.
        NewFile.Make(path, HeadSize + (slots * slotSize), spare: null, view =>
        {
            view.Write(Number, number);
            view.Write(SlotSize, slotSize);
            view.Write(Slots, slots);
            view.Write(Magic, MagicValue);
        })?.Dispose();
        return Open(folder, number, writable: true) ?? throw new IOException($"{path} was there and is gone");
    }

    /// <summary>Opens a file; null when there is none of that number.</summary>
    /// <exception cref="InvalidDataException">It is no such file.</exception>
    public static Mapping? Open(TrustedPath folder, int number, bool writable)
    {
        var path = PathOf(folder, number);
        Mapping file;
        try
        {
            file = Mapping.Open(path, writable, populate: true);
        }
        catch (PosixException e) when (e.Errno == Posix.Enoent)
        {
            return null;
        }
        var view = file.View;
        if (view.Length < HeadSize || view.ReadUInt64(Magic) != MagicValue || view.ReadInt32(Number) != number
            || view.ReadInt32(Slots) is < 1 or > MaxSlots || view.ReadInt32(SlotSize) < PageSize || view.ReadInt32(SlotSize) % PageSize != 0
            || HeadSize + ((long)view.ReadInt32(Slots) * view.ReadInt32(SlotSize)) != view.Length)
        {
            file.Dispose();
            throw new InvalidDataException($"{path} does not hold lent messages");
        }
        return file;
    }
}

/// <summary>
/// The payload of a frame of kind <see cref="Frame.Lent"/>: where the message is.
/// <code>
///   0 i32 File   number of the LoanFile   4 i32 Offset   of the payload in it   8 i32 Length   of the payload, bytes
///   12 u32 Crc   CRC32C of the payload
/// </code>
/// </summary>
public static class LoanReference
{
    public const int Size = 16;
    public const int File = 0;
    public const int Offset = 4;
    public const int Length = 8;
    public const int Crc = 12;
}
