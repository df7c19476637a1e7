using System.Globalization;
using System.Text.RegularExpressions;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines.Criu;

/// <summary>Says what of a process CRIU does not dump: by the process' descriptors where CRIU only names the kind.</summary>
internal static partial class CriuRefusal
{
    /// <summary>What stood in the way, as precisely as it can be had; else CRIU's own words.</summary>
    /// <param name="errors">The lines of CRIU's log that tell of errors.</param>
    public static string Explain(int pid, IEnumerable<string> errors)
    {
        var said = errors.Select(Text).Where(x => x.Length > 0).ToList();
        var all = string.Join("; ", said);
        var found = new List<string>();
        if (all.Contains("unix", StringComparison.OrdinalIgnoreCase) || all.Contains("External socket", StringComparison.Ordinal))
        {
            found.AddRange(UnixConnections(pid));
        }
        if (all.Contains("lock", StringComparison.Ordinal))
        {
            found.AddRange(Locks(pid));
        }
        return found.Count > 0 ? string.Join(", ", found.Take(4)) + $" (criu: {said[0]})" : $"criu: {string.Join("; ", said.Take(2))}";
    }

    /// <summary>
    /// Why an image cannot be restored although it was taken, as far as that is known before; empty: it can. Semaphores and
    /// memory that Python's multiprocessing shares by name are removed by its resource tracker when the process dies.
    /// </summary>
    public static string Doubt(IEnumerable<ImageFile> files) =>
        files.FirstOrDefault(x => x.Name.StartsWith("/dev/shm/sem.", StringComparison.Ordinal)
            || x.Name.StartsWith("/dev/shm/psm_", StringComparison.Ordinal)) is { } shared
            ? $"its snapshots need {shared.Name}, which most likely goes with it (Python's multiprocessing): killed now, it replays from its beginning"
            : "";

    /// <summary>A line without time, place and level.</summary>
    private static string Text(string line) => Prefix().Replace(line, "").Trim();

    /// <summary>Connections to sockets of processes that are not frozen with it.</summary>
    private static IEnumerable<string> UnixConnections(int pid)
    {
        var paths = UnixPaths(pid);
        var own = new[] { pid }.Concat(ProcessProbe.Descendants(pid)).SelectMany(Sockets).ToList();
        var inodes = own.Select(x => x.Inode).ToHashSet();
        return own.Where(x => paths.ContainsKey(x.Inode))
            .Select(x => (x.Number, Peer: Posix.UnixPeer(x.Inode)))
            .Where(x => x.Peer is { } peer && !inodes.Contains(peer))
            .Select(x => paths.GetValueOrDefault(x.Peer!.Value) is { Length: > 0 } path
                ? $"fd {x.Number} is a Unix connection to {path}"
                : $"fd {x.Number} is a Unix connection to another process");
    }

    private static IEnumerable<(int Number, uint Inode)> Sockets(int pid)
    {
        foreach (var (number, target) in Descriptors(pid))
        {
            if (target.StartsWith("socket:[", StringComparison.Ordinal)
                && uint.TryParse(target["socket:[".Length..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var inode))
            {
                yield return (number, inode);
            }
        }
    }

    /// <summary>Unix sockets of its network namespace by inode, with their paths, which most have not.</summary>
    private static Dictionary<uint, string> UnixPaths(int pid)
    {
        var paths = new Dictionary<uint, string>();
        foreach (var line in Lines($"/proc/{pid}/net/unix").Skip(1))
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > 6 && uint.TryParse(fields[6], NumberStyles.None, CultureInfo.InvariantCulture, out var inode))
            {
                paths[inode] = fields.Length > 7 ? fields[7] : "";
            }
        }
        return paths;
    }

    /// <summary>Descriptors that hold locks: /proc/PID/fdinfo/N has "lock: 1: FLOCK ADVISORY WRITE ..." for each.</summary>
    private static IEnumerable<string> Locks(int pid) =>
        Descriptors(pid)
            .Where(x => Lines($"/proc/{pid}/fdinfo/{x.Number}").Any(line => line.StartsWith("lock:", StringComparison.Ordinal)))
            .Select(x => $"fd {x.Number} holds a lock on {x.Target}");

    private static IEnumerable<(int Number, string Target)> Descriptors(int pid)
    {
        try
        {
            return [.. Directory.EnumerateFiles($"/proc/{pid}/fd")
                .Select(x => (int.Parse(Path.GetFileName(x), CultureInfo.InvariantCulture), ProcessProbe.Link(x)))
                .OrderBy(x => x.Item1)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    [GeneratedRegex(@"^(\([\d.]+\))?\s*(\d+:\s*)?(Error|Warn)\s*(\([^)]*\))?\s*:?\s*")]
    private static partial Regex Prefix();
}
