using System.Globalization;
using RmwCkpt.Memory;

namespace RmwCkpt.Domain;

/// <summary>
/// Where one domain of one user keeps its things. The one place that knows paths.
/// <code>
/// RUN    $RMW_CKPT_DIR/DOMAIN/run   else /dev/shm/rmw_ckpt-UID/DOMAIN
///   master.lock  master.sock (made as new.sock)  master.log   table  graph
///   processes/ID/journal/N                 one journal each
///   processes/ID/snapshots                 orders for snapshots by fork
///   processes/ID/*.log                     what it says, since it was recovered, instead of into a pipe
///   logs/GID/head  logs/GID/N              one log each
///   logs/GID/loans-N                       what it refers to
///   types/HASH                             type descriptions, JSON
///   images/ID/N                            snapshots before they are moved
///   spare                                  see SpareRoom
///   registry.journal                       of this run folder's processes: it is kept and removed with them
/// STATE  $RMW_CKPT_DIR/DOMAIN/state else $XDG_STATE_HOME/rmw_ckpt/DOMAIN (default ~/.local/state)
///   snapshots/ID/N                         the newest two of each process
/// </code>
/// Every folder is 0700 and the user's own, and nobody else can change what leads to it (<see cref="TrustedFolder"/>);
/// anything else is refused. Without a home there is no STATE.
/// </summary>
public sealed class RunFolder : IDisposable
{
    /// <summary>Bytes that each log and journal keeps unless RMW_CKPT_RETENTION says otherwise.</summary>
    public const long DefaultRetention = 128L * 1024 * 1024;

    private const string RunRemedy = "set RMW_CKPT_DIR to a folder of your own";
    private const string StateRemedy = "set XDG_STATE_HOME or RMW_CKPT_DIR to a folder of your own";

    private TrustedFolder? _run;
    private TrustedFolder? _state;

    public RunFolder(string run, string state, int domain)
    {
        Run = run;
        State = state;
        Domain = domain;
    }

    /// <summary>Its path, for messages and for programs that want one.</summary>
    public string Run { get; }

    /// <summary>The state folder's path; empty: there is none.</summary>
    public string State { get; }

    public int Domain { get; }

    /// <summary>The run folder itself, opened when it is first asked for; from then on it is this one, whatever has its path.</summary>
    /// <exception cref="IOException">It is not there, or others could change it.</exception>
    public TrustedFolder Folder => _run ?? Hold(ref _run, TrustedFolder.Open(Run, make: false, RunRemedy));

    public TrustedPath Lock => Folder.Root / "master.lock";

    public TrustedPath Socket => Folder.Root / "master.sock";

    public TrustedPath MasterLog => Folder.Root / "master.log";

    public TrustedPath Table => Folder.Root / "table";

    public TrustedPath Graph => Folder.Root / "graph";

    public TrustedPath Processes => Folder.Root / "processes";

    public TrustedPath Logs => Folder.Root / "logs";

    public TrustedPath Types => Folder.Root / "types";

    public TrustedPath Images => Folder.Root / "images";

    public TrustedPath RegistryJournal => Folder.Root / "registry.journal";

    /// <summary>Snapshots on disk; null: there is no state folder that can be used.</summary>
    public TrustedPath? Snapshots => _state is { } state ? state.Root / "snapshots" : null;

    public TrustedPath Process(ulong process) => Processes / $"{process:x16}";

    /// <summary>See <see cref="SnapshotPage"/>.</summary>
    public TrustedPath SnapshotPage(ulong process) => Process(process) / "snapshots";

    public TrustedPath Journal(ulong process) => Process(process) / "journal";

    public TrustedPath Log(Gid gid) => Logs / gid.ToString();

    /// <summary>The folders for a domain, by the environment. Nothing is made yet.</summary>
    public static RunFolder For(int domain) => For(domain, Settings.OfProcess);

    public static RunFolder For(int domain, Settings settings)
    {
        if (settings.Text(Settings.Directory) is { } root)
        {
            var folder = Path.Combine(Path.GetFullPath(root), $"{domain}");
            return new RunFolder(Path.Combine(folder, "run"), Path.Combine(folder, "state"), domain);
        }
        var state = StateRoot(settings);
        return new RunFolder(
            $"/dev/shm/rmw_ckpt-{Posix.UserId}/{domain}",
            state.Length == 0 ? "" : Path.Combine(state, "rmw_ckpt", $"{domain}"), domain);
    }

    /// <summary>
    /// Where users keep what is to last; empty: this one has no such place. HOME may be another user's, as under sudo -E, and is
    /// not believed then.
    /// </summary>
    private static string StateRoot(Settings settings)
    {
        if (settings.Variable("XDG_STATE_HOME") is { } state && state.StartsWith('/'))
        {
            return state;
        }
        var home = settings.Variable("HOME");
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
        && PathOf(domain) is var run
        && (path.StartsWith(run + "/logs/", StringComparison.Ordinal)
            || (path.StartsWith(run + "/processes/", StringComparison.Ordinal) && path.EndsWith(".new", StringComparison.Ordinal))));

    /// <summary>A domain's run folder as the kernel names it: without links.</summary>
    private static string PathOf(int domain)
    {
        using var folder = For(domain);
        try
        {
            return folder.Folder.Path;
        }
        catch (IOException)
        {
            return folder.Run;
        }
    }

    /// <summary>
    /// Makes the folders that are missing, and checks them and all above them. A run folder that was opened before, and has been
    /// removed or renamed since, is from here on the one that has its path.
    /// </summary>
    /// <exception cref="IOException">A folder cannot be made, or is another user's, or is open to others.</exception>
    public void Ensure()
    {
        var run = _run;
        if (run is null)
        {
            run = Hold(ref _run, TrustedFolder.Open(Run, make: true, RunRemedy));
        }
        else
        {
            run.Renew(RunRemedy);
        }
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
        var state = _state ?? Hold(ref _state, TrustedFolder.Open(State, make: true, StateRemedy));
        (state.Root / "snapshots").MakeFolder();
    }

    /// <summary>Lets go of the descriptors. Nothing that it gave may be used any more.</summary>
    public void Dispose()
    {
        _run?.Dispose();
        _state?.Dispose();
        (_run, _state) = (null, null);
    }

    private static TrustedFolder Hold(ref TrustedFolder? held, TrustedFolder opened)
    {
        if (Interlocked.CompareExchange(ref held, opened, null) is not { } before)
        {
            return opened;
        }
        opened.Dispose();
        return before;
    }
}
