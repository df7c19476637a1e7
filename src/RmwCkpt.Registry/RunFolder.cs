using System.Globalization;
using RmwCkpt.Memory;

namespace RmwCkpt.Registry;

/// <summary>
/// Where one domain of one user keeps its things. The one place that knows paths.
/// <code>
/// RUN    $RMW_CKPT_DIR/DOMAIN/run   else /dev/shm/rmw_ckpt-UID/DOMAIN
///   master.lock  master.sock (made as new.sock)  master.log   table  graph
///   processes/ID/journal/N                 one journal each
///   logs/GID/head  logs/GID/N              one log each
///   logs/GID/loans-N                       what it refers to
///   types/HASH                             type descriptions, JSON
///   images/ID/N                            snapshots before they are moved
///   registry.journal                       of this run folder's processes: it is kept and removed with them
/// STATE  $RMW_CKPT_DIR/DOMAIN/state else $XDG_STATE_HOME/rmw_ckpt/DOMAIN (default ~/.local/state)
///   snapshots/ID/N                         the newest two of each process
/// </code>
/// Every folder is 0700 and the user's own; anything else is refused.
/// </summary>
public sealed class RunFolder
{
    /// <summary>Bytes that each log and journal keeps unless RMW_CKPT_RETENTION says otherwise.</summary>
    public const long DefaultRetention = 128L * 1024 * 1024;

    public RunFolder(string run, string state, int domain)
    {
        Run = run;
        State = state;
        Domain = domain;
    }

    public string Run { get; }

    public string State { get; }

    public int Domain { get; }

    public string Lock => Path.Combine(Run, "master.lock");

    public string Socket => Path.Combine(Run, "master.sock");

    public string MasterLog => Path.Combine(Run, "master.log");

    public string Table => Path.Combine(Run, "table");

    public string Graph => Path.Combine(Run, "graph");

    public string Processes => Path.Combine(Run, "processes");

    public string Logs => Path.Combine(Run, "logs");

    public string Types => Path.Combine(Run, "types");

    public string Images => Path.Combine(Run, "images");

    public string RegistryJournal => Path.Combine(Run, "registry.journal");

    public string Snapshots => Path.Combine(State, "snapshots");

    public string Journal(ulong process) => Path.Combine(Processes, $"{process:x16}", "journal");

    public string Log(Gid gid) => Path.Combine(Logs, gid.ToString());

    /// <summary>The folders for a domain, by the environment. Nothing is made yet.</summary>
    public static RunFolder For(int domain)
    {
        var root = Environment.GetEnvironmentVariable("RMW_CKPT_DIR");
        if (!string.IsNullOrEmpty(root))
        {
            var folder = Path.Combine(Path.GetFullPath(root), $"{domain}");
            return new RunFolder(Path.Combine(folder, "run"), Path.Combine(folder, "state"), domain);
        }
        var state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        if (string.IsNullOrEmpty(state))
        {
            state = Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/tmp", ".local", "state");
        }
        return new RunFolder(
            $"/dev/shm/rmw_ckpt-{Posix.UserId}/{domain}", Path.Combine(state, "rmw_ckpt", $"{domain}"), domain);
    }

    /// <summary>
    /// Whether a process restored from an image finds out by itself that a file of any domain of the user is gone: one of a
    /// log, or one that has got its final name since.
    /// </summary>
    public static bool MayBeGone(string path) => path.Split('/').Any(part =>
        int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var domain)
        && (path.StartsWith(For(domain).Logs + "/", StringComparison.Ordinal)
            || (path.StartsWith(For(domain).Processes + "/", StringComparison.Ordinal) && path.EndsWith(".new", StringComparison.Ordinal))));

    /// <summary>Makes the folders that are missing and checks all of them.</summary>
    /// <exception cref="IOException">A folder cannot be made, or is another user's, or is open to others.</exception>
    public void Ensure()
    {
        foreach (var folder in new[] { Run, State, Processes, Logs, Types, Images, Snapshots })
        {
            EnsurePrivate(folder);
        }
    }

    /// <summary>Makes a folder (0700) with its parents, or checks that the one there is the user's own and private.</summary>
    public static void EnsurePrivate(string folder)
    {
        PrivateFolder.Make(folder);
        var (owner, mode) = Posix.Owner(folder);
        if (owner != Posix.UserId)
        {
            throw new IOException(
                $"{folder} belongs to user {owner}, not to {Posix.UserId}: remove it, or set RMW_CKPT_DIR to a folder of your own");
        }
        if ((mode & 0x3f) != 0)
        {
            throw new IOException($"{folder} is open to other users (mode {Convert.ToString(mode & 0x1ff, 8)}): chmod 700 {folder}");
        }
    }
}
