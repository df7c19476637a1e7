using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Win32.SafeHandles;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Snapshots;

/// <summary>One file of a snapshot, with its CRC32C.</summary>
public sealed record SnapshotFile(string Name, long Size, uint? Crc);

/// <summary>What a snapshot is: manifest.json beside its images; manifest.crc has its CRC32C and is written last.</summary>
public sealed record SnapshotManifest
{
    public const int CurrentVersion = 1;
    public const string FileName = "manifest.json";
    public const string SumName = "manifest.crc";

    /// <summary>Bytes of a manifest, at most.</summary>
    private const int Largest = 16 << 20;

    public int Version { get; init; }

    public ulong Process { get; init; }

    public uint Number { get; init; }

    public uint Incarnation { get; init; }

    /// <summary>The process id that it was taken of, and that CRIU gives it again.</summary>
    public int Pid { get; init; }

    public string Engine { get; init; } = "";

    /// <summary>Cells in the process' journal just before it was frozen: replay begins here or later.</summary>
    public long JournalPosition { get; init; }

    /// <summary>ns since the epoch.</summary>
    public long Taken { get; init; }

    /// <summary>ns, by the engine's own statistics.</summary>
    public long Frozen { get; init; }

    /// <summary>Processes below it that are in the image.</summary>
    public IReadOnlyList<Kin> Below { get; init; } = [];

    /// <summary>The processors that each of its threads may run on, in hexadecimal, by thread id.</summary>
    public IReadOnlyDictionary<int, string> Affinities { get; init; } = new Dictionary<int, string>();

    public IReadOnlyList<SnapshotFile> Files { get; init; } = [];

    [JsonIgnore]
    public long Bytes => Files.Sum(x => x.Size);

    /// <summary>Writes it into its folder, sum last.</summary>
    public void Write(TrustedPath folder)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(this, ManifestJson.Default.SnapshotManifest);
        (folder / FileName).WriteAll(bytes);
        (folder / SumName).WriteAll(Encoding.ASCII.GetBytes(Checksum.Of(bytes).ToString("x8", CultureInfo.InvariantCulture)));
    }

    /// <summary>
    /// Reads a snapshot's manifest and compares it with the files that are there; with <paramref name="contents"/> also
    /// with every byte of them. Nothing is believed before its checksum is.
    /// </summary>
    /// <returns>The manifest, or null with the reason.</returns>
    public static SnapshotManifest? Read(TrustedPath folder, bool contents, out string why)
    {
        try
        {
            var bytes = (folder / FileName).ReadAll(Largest);
            var sum = Encoding.ASCII.GetString((folder / SumName).ReadAll(Largest));
            if (sum != Checksum.Of(bytes).ToString("x8", CultureInfo.InvariantCulture))
            {
                why = "its manifest is damaged";
                return null;
            }
            var manifest = JsonSerializer.Deserialize(bytes, ManifestJson.Default.SnapshotManifest);
            if (manifest is null || manifest.Version != CurrentVersion)
            {
                why = $"it is of version {manifest?.Version}, this program's is {CurrentVersion}";
                return null;
            }
            why = manifest.Files.Select(x => Compare(folder, x, contents)).FirstOrDefault(x => x.Length > 0) ?? "";
            return why.Length == 0 ? manifest : null;
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            why = $"it is not complete: {e.Message}";
            return null;
        }
    }

    private static string Compare(TrustedPath folder, SnapshotFile file, bool contents)
    {
        var path = folder / file.Name;
        if (!path.Exists)
        {
            return $"{file.Name} is missing";
        }
        using var handle = path.OpenTrusted(long.MaxValue, out var size);
        if (size != file.Size)
        {
            return $"{file.Name} has {size} bytes instead of {file.Size}";
        }
        return contents && file.Crc is { } crc && SumOf(handle) != crc ? $"{file.Name} is damaged" : "";
    }

    /// <summary>A file's CRC32C: 40 MiB in memory take some 20 ms, nearly all of it for reading.</summary>
    internal static uint SumOf(TrustedPath path)
    {
        using var file = path.OpenTrusted(long.MaxValue, out _);
        return SumOf(file);
    }

    private static uint SumOf(SafeFileHandle handle)
    {
        using var file = new FileStream(handle, FileAccess.Read, 0);
        var buffer = new byte[1 << 17];
        var crc = Checksum.Seed;
        for (int n; (n = file.Read(buffer)) > 0;)
        {
            crc = Checksum.Add(crc, buffer.AsSpan(0, n));
        }
        return ~crc;
    }
}

[JsonSerializable(typeof(SnapshotManifest))]
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
internal sealed partial class ManifestJson : JsonSerializerContext;
