using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Snapshots;

/// <summary>A snapshot that is there; without a manifest it is not usable, and Why says why.</summary>
public sealed record StoredSnapshot(ulong Process, uint Number, TrustedPath Folder, SnapshotManifest? Manifest, string Why);

/// <summary>
/// The snapshots of all processes: in RUN/images (memory), and moved to STATE/snapshots (disk) in the background if that is
/// asked for.
/// A folder named N is complete; N.tmp is being written. The newest two of each process are kept. Calls for one process
/// are under its gate, those for different processes do not disturb each other.
/// </summary>
public sealed class SnapshotStore(RunFolder folder, ILogger log)
{
    public const int UsableKept = 2;
    private const string Unfinished = ".tmp";

    /// <summary>Where they may be.</summary>
    private IEnumerable<TrustedPath> Roots => folder.Snapshots is { } snapshots ? [folder.Images, snapshots] : [folder.Images];

    /// <summary>An empty folder to write the next snapshot into.</summary>
    public (uint Number, TrustedPath Folder) Begin(ulong process)
    {
        var number = Numbers(process).DefaultIfEmpty(0u).Max() + 1;
        var path = FolderOf(folder.Images, process) / (Name(number) + Unfinished);
        Remove(path);
        MakeFolder(path);
        return (number, path);
    }

    /// <summary>
    /// Completes a snapshot: the manifest gets the files that are there with their sums, the folder its name. The process
    /// runs already.
    /// </summary>
    public static SnapshotManifest Finish(TrustedPath temporary, SnapshotManifest manifest)
    {
        var complete = manifest with
        {
            Version = SnapshotManifest.CurrentVersion,
            Files = [.. temporary.Children(folders: false).OrderBy(x => x.Name, StringComparer.Ordinal)
                .Select(x => new SnapshotFile(x.LastPart, x.Facts?.Size ?? 0, SnapshotManifest.SumOf(x)))],
        };
        complete.Write(temporary);
        temporary.MoveTo(temporary with { Name = temporary.Name[..^Unfinished.Length] });
        return complete;
    }

    public static void Abandon(TrustedPath temporary) => Remove(temporary);

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
                log.Unusable(found.Folder.FullName, found.Why);
                damaged?.Invoke(found);
            }
        }
    }

    /// <summary>
    /// Copies a snapshot to the disk with its checksums: aside, synced, renamed. Then <see cref="Forget"/> may drop the
    /// one in memory.
    /// </summary>
    /// <exception cref="IOException">The disk is full or gone, there is no state folder, or the snapshot is damaged.</exception>
    public string Persist(ulong process, uint number)
    {
        var from = FolderOf(folder.Images, process) / Name(number);
        var own = FolderOf(folder.Snapshots ?? throw new IOException("there is no state folder that can be used"), process);
        var final = own / Name(number);
        var to = final + Unfinished;
        var manifest = SnapshotManifest.Read(from, contents: false, out var why) ?? throw new IOException($"{from}: {why}");
        Remove(to);
        MakeFolder(to);
        try
        {
            var files = manifest.Files
                .Select(x => x with { Crc = Copy(from / x.Name, to / x.Name, x.Crc) }).ToList();
            (manifest with { Files = files }).Write(to);
            (to / SnapshotManifest.FileName).Sync();
            (to / SnapshotManifest.SumName).Sync();
            to.Sync();
            to.MoveTo(final);
            own.Sync();
        }
        catch
        {
            Remove(to);
            throw;
        }
        return final.FullName;
    }

    /// <summary>Drops the copy in memory of a snapshot that is on disk.</summary>
    public void Forget(ulong process, uint number) => Remove(FolderOf(folder.Images, process) / Name(number));

    /// <summary>Keeps the newest two usable ones, and nothing that is older.</summary>
    public void Prune(ulong process)
    {
        var usable = 0;
        foreach (var snapshot in List(process))
        {
            if (usable >= UsableKept)
            {
                foreach (var root in Roots)
                {
                    Remove(FolderOf(root, process) / Name(snapshot.Number));
                }
            }
            usable += snapshot.Manifest is null ? 0 : 1;
        }
    }

    /// <summary>Keeps only those from a number on.</summary>
    public void RemoveOlder(ulong process, uint number)
    {
        foreach (var older in Numbers(process).Where(x => x < number).ToList())
        {
            foreach (var root in Roots)
            {
                Remove(FolderOf(root, process) / Name(older));
            }
        }
    }

    public void RemoveAll(ulong process)
    {
        foreach (var root in Roots)
        {
            Remove(FolderOf(root, process));
        }
    }

    /// <summary>Removes what a killed master left unfinished of a process' snapshots, before others are begun.</summary>
    public void RemoveUnfinished(ulong process)
    {
        foreach (var unfinished in Roots.SelectMany(x => FolderOf(x, process).Children(folders: true)))
        {
            if (unfinished.Name.EndsWith(Unfinished, StringComparison.Ordinal))
            {
                Remove(unfinished);
            }
        }
    }

    /// <summary>Removes everything of processes that are not known.</summary>
    /// <param name="onDisk">Also what is in the state folder, which other masters may have things in.</param>
    public void RemoveUnknown(Func<ulong, bool> isKnown, bool onDisk)
    {
        foreach (var own in (onDisk ? Roots : [folder.Images]).SelectMany(x => x.Children(folders: true)))
        {
            if (!ulong.TryParse(own.LastPart, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var process)
                || !isKnown(process))
            {
                Remove(own);
            }
        }
    }

    /// <summary>What images take in memory, unfinished ones but for.</summary>
    public IReadOnlyList<(ulong Process, uint Number, long Bytes)> InMemory()
    {
        var images = new List<(ulong, uint, long)>();
        try
        {
            foreach (var own in folder.Images.Children(folders: true))
            {
                var process = ulong.Parse(own.LastPart, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                images.AddRange(Numbers(own).Select(number => (process, number, (own / Name(number)).Bytes())));
            }
        }
        catch (Exception e) when (e is IOException or FormatException)
        {
            // One has just gone; or it is somebody else's.
        }
        return images;
    }

    /// <summary>Numbers of the snapshots that are in memory only.</summary>
    public IEnumerable<uint> Unpersisted(ulong process) => folder.Snapshots is { } snapshots
        ? Numbers(FolderOf(folder.Images, process)).Where(n => !(FolderOf(snapshots, process) / Name(n)).Exists)
        : [];

    private StoredSnapshot Look(ulong process, uint number, bool contents)
    {
        var why = "";
        var last = FolderOf(folder.Images, process) / Name(number);
        foreach (var root in Roots)
        {
            var path = FolderOf(root, process) / Name(number);
            if (!path.Exists)
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
        Roots.SelectMany(x => Numbers(FolderOf(x, process)));

    private static IEnumerable<uint> Numbers(TrustedPath own)
    {
        foreach (var name in own.Names())
        {
            if (uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                yield return number;
            }
        }
    }

    private static uint Copy(TrustedPath from, TrustedPath to, uint? sum)
    {
        using var source = new FileStream(from.OpenTrusted(long.MaxValue, out _), FileAccess.Read, 0);
        using var target = new FileStream(new SafeFileHandle(to.OpenNew(), ownsHandle: true), FileAccess.Write, 0);
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
    private static void MakeFolder(TrustedPath path)
    {
        if (path.Parent.Parent.Exists)
        {
            path.MakeFolder();
            return;
        }
        throw new PosixException(Posix.Enoent, $"make the folder {path}");
    }

    private static TrustedPath FolderOf(TrustedPath root, ulong process) => root / process.ToString("x16", CultureInfo.InvariantCulture);

    private static string Name(uint number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Removes a folder: its name first, so that a half-removed one is never taken for a snapshot.</summary>
    private static void Remove(TrustedPath path)
    {
        if (!path.Exists)
        {
            return;
        }
        if (!path.Name.EndsWith(Unfinished, StringComparison.Ordinal))
        {
            var doomed = path + ".old" + Unfinished;
            doomed.RemoveTree();
            path.MoveTo(doomed);
            path = doomed;
        }
        path.RemoveTree();
    }
}
