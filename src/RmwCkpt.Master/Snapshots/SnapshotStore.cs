using System.Globalization;
using Microsoft.Extensions.Logging;
using RmwCkpt.Memory;
using RmwCkpt.Registry;

namespace RmwCkpt.Master.Snapshots;

/// <summary>A snapshot that is there; without a manifest it is not usable, and Why says why.</summary>
public sealed record StoredSnapshot(ulong Process, uint Number, string Folder, SnapshotManifest? Manifest, string Why);

/// <summary>
/// The snapshots of all processes: new ones in RUN/images (memory), moved to STATE/snapshots (disk) in the background.
/// A folder named N is complete; N.tmp is being written. The newest two of each process are kept. Calls for one process
/// are under its gate, those for different processes do not disturb each other.
/// </summary>
public sealed class SnapshotStore(RunFolder folder, ILogger log)
{
    public const int Kept = 2;
    private const string Unfinished = ".tmp";

    /// <summary>An empty folder to write the next snapshot into.</summary>
    public (uint Number, string Folder) Begin(ulong process)
    {
        var number = Numbers(process).DefaultIfEmpty(0u).Max() + 1;
        var path = Path.Combine(Home(folder.Images, process), Name(number) + Unfinished);
        Remove(path);
        MakeFolder(folder.Images, process, path);
        return (number, path);
    }

    /// <summary>
    /// Completes a snapshot: the manifest gets the files that are there with their sums, the folder its name. The process
    /// runs already.
    /// </summary>
    public static SnapshotManifest Finish(string temporary, SnapshotManifest manifest)
    {
        var complete = manifest with
        {
            Version = SnapshotManifest.CurrentVersion,
            Files = [.. new DirectoryInfo(temporary).EnumerateFiles().OrderBy(x => x.Name, StringComparer.Ordinal)
                .Select(x => new SnapshotFile(x.Name, x.Length, SnapshotManifest.SumOf(x.FullName)))],
        };
        complete.Write(temporary);
        Directory.Move(temporary, temporary[..^Unfinished.Length]);
        return complete;
    }

    public static void Abandon(string temporary) => Remove(temporary);

    /// <summary>Every snapshot of a process, newest first. A snapshot in both places appears once.</summary>
    public IReadOnlyList<StoredSnapshot> List(ulong process, bool contents = false) =>
        [.. Numbers(process).Distinct().OrderDescending().Select(n => Look(process, n, contents))];

    /// <summary>
    /// Those that can be restored, newest first, each compared with its sums when it is asked for; what is wrong with the
    /// others is logged, and told to <paramref name="damaged"/>.
    /// </summary>
    public IEnumerable<StoredSnapshot> Usable(ulong process, Action<StoredSnapshot>? damaged = null)
    {
        foreach (var number in Numbers(process).Distinct().OrderDescending())
        {
            var found = Look(process, number, contents: true);
            if (found.Manifest is not null)
            {
                yield return found;
            }
            else
            {
                log.Unusable(found.Folder, found.Why);
                damaged?.Invoke(found);
            }
        }
    }

    /// <summary>
    /// Copies a snapshot to the disk with its checksums: aside, synced, renamed. Then <see cref="Forget"/> may drop the
    /// one in memory.
    /// </summary>
    public string Persist(ulong process, uint number)
    {
        var from = Path.Combine(Home(folder.Images, process), Name(number));
        var home = Home(folder.Snapshots, process);
        var final = Path.Combine(home, Name(number));
        var to = final + Unfinished;
        var manifest = SnapshotManifest.Read(from, contents: false, out var why) ?? throw new IOException($"{from}: {why}");
        Remove(to);
        MakeFolder(folder.Snapshots, process, to);
        try
        {
            var files = manifest.Files
                .Select(x => x with { Crc = Copy(Path.Combine(from, x.Name), Path.Combine(to, x.Name), x.Crc) }).ToList();
            (manifest with { Files = files }).Write(to);
            Posix.Sync(Path.Combine(to, SnapshotManifest.FileName));
            Posix.Sync(Path.Combine(to, SnapshotManifest.SumName));
            Posix.Sync(to);
            Directory.Move(to, final);
            Posix.Sync(home);
        }
        catch
        {
            Remove(to);
            throw;
        }
        return final;
    }

    /// <summary>Drops the copy in memory of a snapshot that is on disk.</summary>
    public void Forget(ulong process, uint number) => Remove(Path.Combine(Home(folder.Images, process), Name(number)));

    /// <summary>Keeps the newest two usable ones, and nothing that is older.</summary>
    public void Prune(ulong process)
    {
        var usable = 0;
        foreach (var snapshot in List(process))
        {
            if (usable >= Kept)
            {
                Remove(Path.Combine(Home(folder.Images, process), Name(snapshot.Number)));
                Remove(Path.Combine(Home(folder.Snapshots, process), Name(snapshot.Number)));
            }
            usable += snapshot.Manifest is null ? 0 : 1;
        }
    }

    public void RemoveAll(ulong process)
    {
        Remove(Home(folder.Images, process));
        Remove(Home(folder.Snapshots, process));
    }

    /// <summary>Removes what a killed master left unfinished, and everything of processes that are not known.</summary>
    public void RemoveLeftovers(Func<ulong, bool> isKnown)
    {
        foreach (var home in new[] { folder.Images, folder.Snapshots }.SelectMany(Directory.EnumerateDirectories))
        {
            if (!ulong.TryParse(Path.GetFileName(home), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var process)
                || !isKnown(process))
            {
                Remove(home);
                continue;
            }
            foreach (var unfinished in Directory.EnumerateDirectories(home, "*" + Unfinished))
            {
                Remove(unfinished);
            }
        }
    }

    /// <summary>Numbers of the snapshots that are in memory only.</summary>
    public IEnumerable<uint> Unpersisted(ulong process) =>
        Numbers(Home(folder.Images, process)).Where(n => !Directory.Exists(Path.Combine(Home(folder.Snapshots, process), Name(n))));

    private StoredSnapshot Look(ulong process, uint number, bool contents)
    {
        var why = "";
        var last = "";
        foreach (var root in new[] { folder.Images, folder.Snapshots })
        {
            var path = Path.Combine(Home(root, process), Name(number));
            if (!Directory.Exists(path))
            {
                continue;
            }
            last = path;
            var manifest = SnapshotManifest.Read(path, contents, out why);
            if (manifest is not null && (manifest.Process != process || manifest.Number != number))
            {
                why = $"it is of process {manifest.Process:x16}, number {manifest.Number}";
            }
            else if (manifest is not null)
            {
                return new StoredSnapshot(process, number, path, manifest, "");
            }
        }
        return new StoredSnapshot(process, number, last, null, why);
    }

    private IEnumerable<uint> Numbers(ulong process) =>
        Numbers(Home(folder.Images, process)).Concat(Numbers(Home(folder.Snapshots, process)));

    private static IEnumerable<uint> Numbers(string home)
    {
        if (!Directory.Exists(home))
        {
            yield break;
        }
        foreach (var path in Directory.EnumerateDirectories(home))
        {
            if (uint.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                yield return number;
            }
        }
    }

    private static uint Copy(string from, string to, uint? sum)
    {
        using var source = new FileStream(from, FileMode.Open, FileAccess.Read, FileShare.Read, 0);
        using var target = new FileStream(to, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0);
        var buffer = new byte[1 << 17];
        var crc = Checksum.Seed;
        for (int n; (n = source.Read(buffer)) > 0;)
        {
            crc = Checksum.Add(crc, buffer.AsSpan(0, n));
            target.Write(buffer.AsSpan(0, n));
        }
        if (sum is not null && sum != ~crc)
        {
            throw new IOException($"{from} is damaged");
        }
        target.Flush(flushToDisk: true);
        return ~crc;
    }

    /// <summary>Makes a snapshot's folder, private; not the root: where that is gone, somebody has removed the domain's folder.</summary>
    private static void MakeFolder(string root, ulong process, string path)
    {
        foreach (var folder in new[] { Home(root, process), path })
        {
            if (Posix.MakeFolder(folder) is not (0 or Posix.Eexist) and var error)
            {
                throw new PosixException(error, $"make the folder {folder}");
            }
        }
    }

    private static string Home(string root, ulong process) =>
        Path.Combine(root, process.ToString("x16", CultureInfo.InvariantCulture));

    private static string Name(uint number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Removes a folder: its name first, so that a half-removed one is never taken for a snapshot.</summary>
    private static void Remove(string path)
    {
        if (!Directory.Exists(path))
        {
            return;
        }
        if (!path.EndsWith(Unfinished, StringComparison.Ordinal))
        {
            var doomed = path + ".old" + Unfinished;
            if (Directory.Exists(doomed))
            {
                Directory.Delete(doomed, recursive: true);
            }
            Directory.Move(path, doomed);
            path = doomed;
        }
        Directory.Delete(path, recursive: true);
    }
}
