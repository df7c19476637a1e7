namespace RmwCkpt.Cli.Commands;

/// <summary>
/// Whether systemd-logind removes what a user has below /dev/shm when his last session ends (RemoveIPC=yes in logind.conf, the
/// default): a run folder there goes with it while nodes run on, as services or under nohup.
/// </summary>
/// <param name="root">Where the file system begins; tests have one of their own.</param>
internal sealed class RemoveIpc(string root)
{
    /// <summary>Users below are the system's own, whose things logind leaves.</summary>
    private const uint FirstUser = 1000;

    /// <summary>In the order in which they are read: of those of one name the first, then by name, and the last word counts.</summary>
    private static readonly string[] s_folders = ["etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd", "lib/systemd"];

    /// <summary>What is to be done about it, or null: it does not happen here.</summary>
    /// <param name="user">Name of the user.</param>
    public string? Warning(string runFolder, uint id, string user)
    {
        var isThere = s_folders.Skip(2).Any(x => File.Exists(Path.Combine(root, x, "systemd-logind")));
        return isThere && id >= FirstUser && runFolder.StartsWith("/dev/shm/", StringComparison.Ordinal) && IsOn()
            && !File.Exists(Path.Combine(root, "var/lib/systemd/linger", user))
                ? $"{runFolder} is removed, while nodes run, when the last session of {user} ends (RemoveIPC of systemd-logind): "
                    + $"loginctl enable-linger {user}, or RemoveIPC=no in /etc/systemd/logind.conf, or set RMW_CKPT_DIR to a folder elsewhere"
                : null;
    }

    private bool IsOn()
    {
        var main = s_folders.Select(x => Path.Combine(root, x, "logind.conf")).FirstOrDefault(File.Exists);
        var parts = s_folders.Select(x => Path.Combine(root, x, "logind.conf.d")).Where(Directory.Exists)
            .SelectMany(x => Directory.EnumerateFiles(x, "*.conf")).GroupBy(Path.GetFileName).OrderBy(x => x.Key, StringComparer.Ordinal)
            .Select(x => x.First());
        var said = (main is null ? [] : new[] { main }).Concat(parts).SelectMany(Values).LastOrDefault();
        return said is null || said is "yes" or "true" or "on" or "1" or "y" or "t";
    }

    private static IEnumerable<string> Values(string file)
    {
        try
        {
            return [.. File.ReadLines(file).Select(x => x.Trim().Split('=', 2)).Where(x => x.Length == 2 && x[0].TrimEnd() == "RemoveIPC")
                .Select(x => x[1].Trim().ToLowerInvariant()).Where(x => x.Length > 0)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
