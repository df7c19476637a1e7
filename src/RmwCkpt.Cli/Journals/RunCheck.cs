using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Memory;

namespace RmwCkpt.Cli.Journals;

/// <summary>
/// All that a domain keeps, gone through from end to end: logs, journals, snapshots, the registry's journal, types' descriptions.
/// Its processes may go on meanwhile.
/// </summary>
internal sealed class RunCheck(RunFolder folder)
{
    private const int LargestRegistry = 1 << 30;

    private readonly List<Flaw> _flaws = [];

    /// <summary>What was gone through, and how much of it is good.</summary>
    public List<(string What, long Count, long Good, string Unit)> Parts { get; } = [];

    public IReadOnlyList<Flaw> Flaws => _flaws;

    public void Run()
    {
        Each("logs", "messages", folder.Logs.Children(folders: true), LogCheck.Of);
        Each("journals", "cells", Processes(folder.Processes).Select(folder.Journal).Where(x => x.Exists), JournalCheck.Of);
        CheckSnapshots();
        Each("type descriptions", "types", folder.Types.Children(folders: false), CheckType);
        Each("registry journals", "records", folder.RegistryJournal.Exists ? [folder.RegistryJournal] : [], CheckRegistry);
    }

    private void Each(string what, string unit, IEnumerable<TrustedPath> paths, Func<TrustedPath, (long, IReadOnlyList<Flaw>)> check)
    {
        var (count, good) = (0L, 0L);
        foreach (var path in paths)
        {
            try
            {
                var (n, flaws) = check(path);
                good += n;
                _flaws.AddRange(flaws);
            }
            catch (IOException e)
            {
                if (path.Exists)
                {
                    _flaws.Add(new Flaw(path.FullName, e.Message));
                }
            }
            count++;
        }
        Parts.Add((what, count, good, unit));
    }

    private void CheckSnapshots()
    {
        if (Directory.Exists(folder.State))
        {
            folder.EnsureState();
        }
        var store = new SnapshotStore(folder, NullLogger.Instance);
        var (count, bytes) = (0L, 0L);
        var roots = folder.Snapshots is { } snapshots ? new[] { folder.Images, snapshots } : [folder.Images];
        foreach (var process in roots.SelectMany(Processes).Distinct())
        {
            foreach (var snapshot in store.List(process, contents: true))
            {
                count++;
                bytes += snapshot.Manifest?.Bytes ?? 0;
                // The master removes older ones at any time.
                if (snapshot.Manifest is null && snapshot.Folder.Exists)
                {
                    _flaws.Add(new Flaw(snapshot.Folder.FullName, snapshot.Why));
                }
            }
        }
        Parts.Add(("snapshots", count, bytes, "bytes"));
    }

    private static (long, IReadOnlyList<Flaw>) CheckType(TrustedPath path) =>
        !path.LastPart.EndsWith(".json", StringComparison.Ordinal) ? (0, [])
        : TypeDescription.Load(path) is not null ? (1, []) : (0, [new Flaw(path.FullName, "it describes no type")]);

    private static (long, IReadOnlyList<Flaw>) CheckRegistry(TrustedPath path)
    {
        var (records, valid, kind) = RegistryTail.Scan(path.ReadAll(LargestRegistry));
        // What is torn its writer was killed at, or is just writing: the next master cuts it off.
        return (records.Count, kind != TailKind.Damaged ? []
            : [new Flaw($"{path}, byte {valid}", "a record is damaged, and others follow that nobody reads any more")]);
    }

    private static IEnumerable<ulong> Processes(TrustedPath path)
    {
        foreach (var name in path.Names())
        {
            if (ulong.TryParse(name, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var process))
            {
                yield return process;
            }
        }
    }
}
