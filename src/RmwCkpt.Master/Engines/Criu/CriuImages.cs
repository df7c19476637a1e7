using System.Buffers.Binary;
using Google.Protobuf;
using RmwCkpt.Master.Engines.Criu.Images;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines.Criu;

/// <summary>A regular file that an image refers to.</summary>
/// <param name="Name">Absolute path.</param>
/// <param name="Size">Size at the dump, which the restore insists on; null: it does not.</param>
/// <param name="Numbers">Descriptors that it is open as; none: it is only mapped.</param>
public sealed record ImageFile(string Name, int Flags, ulong Position, long? Size, IReadOnlyList<int> Numbers)
{
    public bool IsWritable => (Flags & 3) != 0;

    public bool IsAppend => (Flags & Memory.Posix.Append) != 0;
}

/// <summary>
/// Reads the little that the master needs out of CRIU's images, and mends what CRIU cannot know. Pure functions over bytes, but for
/// ReadFiles and MendMappings.
/// </summary>
public static class CriuImages
{
    /// <summary>Bytes of an image that is read here, at most.</summary>
    private const int Largest = 256 << 20;

    // Of <fcntl.h> and <sys/mman.h>, the same on all of Linux.
    private const uint AccessMode = 3;
    private const uint ReadOnly = 0;
    private const uint ReadWrite = 2;
    private const uint MapShared = 1;
    private const uint ProtWrite = 2;

    private static bool IsDescriptorList(string name) =>
        name.StartsWith("fdinfo-", StringComparison.Ordinal) && name.EndsWith(".img", StringComparison.Ordinal);

    /// <summary>The length-prefixed messages of an image, after its two magic numbers.</summary>
    /// <exception cref="InvalidDataException">It is not an image.</exception>
    public static IReadOnlyList<byte[]> Entries(ReadOnlySpan<byte> image)
    {
        if (image.Length < 8)
        {
            throw new InvalidDataException($"an image of {image.Length} bytes is none");
        }
        var entries = new List<byte[]>();
        for (var at = 8; at < image.Length;)
        {
            var length = at + 4 <= image.Length ? BinaryPrimitives.ReadInt32LittleEndian(image[at..]) : -1;
            if (length < 0 || length > image.Length - at - 4)
            {
                throw new InvalidDataException($"an image breaks off at byte {at} of {image.Length}");
            }
            entries.Add(image.Slice(at + 4, length).ToArray());
            at += 4 + length;
        }
        return entries;
    }

    /// <summary>For how long the process stood still, ns, from stats-dump; 0 when that is not there.</summary>
    public static long Frozen(ReadOnlySpan<byte> stats)
    {
        try
        {
            var dump = Entries(stats) is [var first, ..] ? Stats.Parser.ParseFrom(first).Dump : null;
            return dump is null ? 0 : (dump.FreezingTime + (long)dump.FrozenTime) * 1000;
        }
        catch (Exception e) when (e is InvalidDataException or InvalidProtocolBufferException)
        {
            return 0;
        }
    }

    /// <summary>The regular files of a snapshot.</summary>
    /// <exception cref="IOException">Images are missing or broken.</exception>
    public static IReadOnlyList<ImageFile> ReadFiles(TrustedPath folder)
    {
        try
        {
            var numbers = new Dictionary<uint, List<int>>();
            foreach (var path in folder.Children(folders: false).Where(x => IsDescriptorList(x.LastPart)))
            {
                foreach (var entry in Entries(path.ReadAll(Largest)))
                {
                    var descriptor = FdInfo.Parser.ParseFrom(entry);
                    if (!numbers.TryGetValue(descriptor.Id, out var list))
                    {
                        numbers.Add(descriptor.Id, list = []);
                    }
                    list.Add((int)descriptor.Fd);
                }
            }
            return [.. Entries((folder / "files.img").ReadAll(Largest))
                .Select(FileEntry.Parser.ParseFrom)
                .Where(x => x.Reg is not null)
                .Select(x => new ImageFile(
                    x.Reg.Name, (int)x.Reg.Flags, x.Reg.Pos, x.Reg.HasSize ? (long)x.Reg.Size : null,
                    numbers.TryGetValue(x.Id, out var list) ? list : []))];
        }
        catch (Exception e) when (e is InvalidDataException or InvalidProtocolBufferException)
        {
            throw new IOException($"{folder}: {e.Message}", e);
        }
    }

    /// <summary>
    /// Puts right how mapped files are to be opened. CRIU has that from the mode of /proc/PID/map_files/START-END, which the kernel
    /// may have kept from another file that was mapped at the same addresses when the dump before was taken: a log's segment that
    /// is written would be opened to be read, and could not be mapped.
    /// </summary>
    /// <exception cref="IOException">Images are broken, or cannot be written.</exception>
    public static void MendMappings(TrustedPath folder)
    {
        foreach (var path in folder.Children(folders: false).Where(x => IsMemoryMap(x.LastPart)))
        {
            var image = path.ReadAll(Largest);
            if (Mended(image) is { } mended)
            {
                path.WriteAll(mended);
            }
        }
    }

    /// <summary>An image of a process' mappings as it should be; null: it is.</summary>
    /// <exception cref="IOException">It is broken.</exception>
    internal static byte[]? Mended(byte[] image)
    {
        try
        {
            var entries = Entries(image).Select(MmEntry.Parser.ParseFrom).ToList();
            var wrong = entries.SelectMany(x => x.Vmas).Where(x => x.HasFdflags && (x.Fdflags & AccessMode) != Access(x)).ToList();
            if (wrong.Count == 0)
            {
                return null;
            }
            wrong.ForEach(x => x.Fdflags = (x.Fdflags & ~AccessMode) | Access(x));
            using var written = new MemoryStream();
            written.Write(image.AsSpan(0, 8));
            Span<byte> length = stackalloc byte[4];
            foreach (var entry in entries)
            {
                BinaryPrimitives.WriteInt32LittleEndian(length, entry.CalculateSize());
                written.Write(length);
                entry.WriteTo(written);
            }
            return written.ToArray();
        }
        catch (Exception e) when (e is InvalidDataException or InvalidProtocolBufferException)
        {
            throw new IOException($"an image of mappings: {e.Message}", e);
        }
    }

    private static bool IsMemoryMap(string name) =>
        name.StartsWith("mm-", StringComparison.Ordinal) && name.EndsWith(".img", StringComparison.Ordinal);

    /// <summary>
    /// How the file has to be opened: to write, if what is written is the file's; to read, if it is the process' own. What is
    /// shared and cannot be written now may be made so (mprotect) if it was opened so: that is left as it was seen.
    /// </summary>
    private static uint Access(VmaEntry mapping) =>
        (mapping.Flags & MapShared) == 0 ? ReadOnly
        : (mapping.Prot & ProtWrite) != 0 ? ReadWrite
        : mapping.Fdflags & AccessMode;
}
