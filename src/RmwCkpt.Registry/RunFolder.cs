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
/// Every folder is 0700 and the user's own, and nobody else can change what leads to it (<see cref="TrustedFolder"/>);
/// anything else is refused. Without a home there is no STATE.
/// </summary>
public sealed class RunFolder
{
    /// <summary>Bytes that each log and journal keeps unless RMW_CKPT_RETENTION says otherwise.</summary>
    public const long DefaultRetention = 128L * 1024 * 1024;

    private const string RunRemedy = "set RMW_CKPT_DIR to a folder of your own";
    private const string StateRemedy = "set XDG_STATE_HOME or RMW_CKPT_DIR to a folder of your own";

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
        var state = StateRoot();
        return new RunFolder(
            $"/dev/shm/rmw_ckpt-{Posix.UserId}/{domain}",
            state.Length == 0 ? "" : Path.Combine(state, "rmw_ckpt", $"{domain}"), domain);
    }

    /// <summary>
    /// Where users keep what is to last; empty: this one has no such place. HOME may be another user's, as under sudo -E, and is
    /// not believed then.
    /// </summary>
    private static string StateRoot()
    {
        if (Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { } state && state.StartsWith('/'))
        {
            return state;
        }
        var home = Environment.GetEnvironmentVariable("HOME");
        if (home is null || !home.StartsWith('/') || Posix.OwnerOf(home) != Posix.UserId)
        {
            home = Users.HomeOf(Posix.UserId);
        }
        return home is null or "/" ? "" : Path.Combine(home, ".local", "state");
    }

    /// <summary>
    /// Whether a process restored from an image finds out by itself that a file of any domain of the user is gone: one of a
    /// log, or one that has got its final name since.
    /// </summary>
    public static bool MayBeGone(string path) => path.Split('/').Any(part =>
        int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var domain)
        && (path.StartsWith(For(domain).Logs + "/", StringComparison.Ordinal)
            || (path.StartsWith(For(domain).Processes + "/", StringComparison.Ordinal) && path.EndsWith(".new", StringComparison.Ordinal))));

    /// <summary>Makes the folders that are missing, and checks them and all above them.</summary>
    /// <exception cref="IOException">A folder cannot be made, or is another user's, or is open to others.</exception>
    public void Ensure()
    {
        using var run = TrustedFolder.Open(Run, make: true, RunRemedy);
        foreach (var folder in new[] { "processes", "logs", "types", "images" })
        {
            (run.Root / folder).MakeFolder();
        }
    }

    /// <summary>As <see cref="Ensure"/>, for what is on disk: the master's alone.</summary>
    /// <exception cref="IOException">As Ensure's.</exception>
    public void EnsureState()
    {
        if (State.Length == 0)
        {
            throw new IOException($"user {Users.Describe(Posix.UserId)} has no home for what is kept on disk: {StateRemedy}");
        }
        using var state = TrustedFolder.Open(State, make: true, StateRemedy);
        (state.Root / "snapshots").MakeFolder();
    }
}
