namespace RmwCkpt.Master.Snapshots;

/// <summary>
/// Which snapshot of a process a recovery would take, for those who only want to know: each is compared with its sums once, and
/// again when one of its files was changed. Thread-safe.
/// </summary>
internal sealed class NewestUsable(SnapshotStore store)
{
    private readonly object _gate = new();
    private readonly Dictionary<ulong, Dictionary<uint, (long Stamp, bool IsGood)>> _known = [];

    /// <returns>The newest that can be used, or null, and what is wrong with a newer one, or empty.</returns>
    public (SnapshotManifest? Manifest, string Why) Of(ulong process)
    {
        lock (_gate)
        {
            var before = _known.GetValueOrDefault(process);
            var known = _known[process] = [];
            var why = "";
            foreach (var found in store.List(process))
            {
                if (found.Manifest is { } manifest && IsGood(found, before, known))
                {
                    return (manifest, why);
                }
                why = why.Length > 0 ? why : $"its snapshot {found.Number} cannot be used (rmw_ckpt checkpoints says why)";
            }
            return (null, why);
        }
    }

    public void Forget(Func<ulong, bool> isKnown)
    {
        lock (_gate)
        {
            foreach (var process in _known.Keys.Where(x => !isKnown(x)).ToList())
            {
                _known.Remove(process);
            }
        }
    }

    private static bool IsGood(
        StoredSnapshot found, Dictionary<uint, (long Stamp, bool IsGood)>? before, Dictionary<uint, (long Stamp, bool IsGood)> known)
    {
        var stamp = found.Manifest!.Files.Max(x => (found.Folder / x.Name).Facts?.Changed) ?? 0;
        if (before is null || !before.TryGetValue(found.Number, out var seen) || seen.Stamp != stamp)
        {
            seen = (stamp, SnapshotManifest.Read(found.Folder, contents: true, out _) is not null);
        }
        known[found.Number] = seen;
        return seen.IsGood;
    }
}
