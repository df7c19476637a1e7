using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>
/// One file of a log's chain, named by its number in the log's folder. Its size never changes.
/// <code>
///   0 u64 Magic   8 i64 Number   16 i64 FirstSequence (of its first data frame)   24 i32 Size   28 .. 64 zero   64 frames
/// </code>
/// </summary>
public static class Segment
{
    public const ulong MagicValue = 0x33474553544b4352; // "RCKTSEG3"
    public const int HeadSize = 64;
    public const int Magic = 0;
    public const int Number = 8;
    public const int FirstSequence = 16;
    public const int Size = 24;

    public static TrustedPath PathOf(TrustedPath folder, long number) => folder / number.ToString("d");

    /// <summary>Makes segment <paramref name="number"/>, or opens the one that is there.</summary>
    /// <param name="spare">A segment file of the same size that is no longer part of the log, to use again; or null.</param>
    /// <exception cref="PosixException">ENOSPC and the like; nothing is left behind.</exception>
    public static Mapping Make(TrustedPath folder, long number, int size, long firstSequence, TrustedPath? spare)
    {
        var path = PathOf(folder, number);
        return NewFile.Make(path, size, spare, view =>
        {
            view.Write(Number, number);
            view.Write(FirstSequence, firstSequence);
            view.Write(Size, view.Length);
            view.Write(Magic, MagicValue);
        }) ?? Open(folder, number) ?? throw new IOException($"{path} was there and is gone");
    }

    /// <summary>
    /// Opens a segment; null when there is none of that number. <paramref name="populate"/>: with its pages present, for
    /// who will go through all of it; a fault for each page costs more than the copy of a large message. A reader maps it
    /// read-only: a node that writes to a message it was lent then dies of that, and the log is as it was.
    /// </summary>
    /// <exception cref="InvalidDataException">The file is no segment, or another one.</exception>
    public static Mapping? Open(TrustedPath folder, long number, bool writable = true, bool populate = false)
    {
        var path = PathOf(folder, number);
        Mapping file;
        try
        {
            file = Mapping.Open(path, writable, populate);
        }
        catch (PosixException e) when (e.Errno == Posix.Enoent)
        {
            return null;
        }
        var view = file.View;
        if (view.Length < HeadSize + Frame.HeadSize || view.ReadUInt64(Magic) != MagicValue
            || view.ReadInt64(Number) != number || view.ReadInt32(Size) != view.Length)
        {
            file.Dispose();
            throw new InvalidDataException($"{path} is not segment {number} of a log");
        }
        return file;
    }
}
