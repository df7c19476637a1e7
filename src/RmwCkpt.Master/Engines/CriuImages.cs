using System.Buffers.Binary;
using Google.Protobuf;
using RmwCkpt.Master.Engines.Images;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines;

/// <summary>A regular file that an image refers to.</summary>
/// <param name="Name">Absolute path.</param>
/// <param name="Size">Size at the dump, which the restore insists on; null: it does not.</param>
/// <param name="Numbers">Descriptors that it is open as; none: it is only mapped.</param>
public sealed record ImageFile(string Name, int Flags, ulong Position, long? Size, IReadOnlyList<int> Numbers)
{
    public bool IsWritable => (Flags & 3) != 0;

    public bool IsAppend => (Flags & Memory.Posix.Append) != 0;
}

/// <summary>Reads the little that the master needs out of CRIU's images. Pure functions over bytes, but for ReadFiles.</summary>
public static class CriuImages
{
    /// <summary>Bytes of an image that is read here, at most.</summary>
    private const int Largest = 256 << 20;

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
}
