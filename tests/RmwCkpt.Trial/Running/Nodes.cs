using System.Globalization;
using RmwCkpt.Memory;

namespace RmwCkpt.Trial.Running;

/// <summary>A trial's folder and how its nodes are started.</summary>
public sealed class Nodes
{
    private readonly TrialOptions _options;

    public Nodes(TrialOptions options)
    {
        _options = options;
        Folder = Path.Combine("/dev/shm", $"rmw_ckpt_trial-{System.Environment.ProcessId}-{Random.Shared.Next():x8}");
        foreach (var folder in new[] { Folder, CheckpointFolder, KillFolder, Path.Combine(Folder, "log") })
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    public string Folder { get; }

    /// <summary>RMW_CKPT_DIR. Its name is what the trial's processes are known by.</summary>
    public string CheckpointFolder => Path.Combine(Folder, "ckpt");

    /// <summary>RMW_CKPT_KILL_FOLDER of the victim.</summary>
    public string KillFolder => Path.Combine(Folder, "kill");

    public NodeProcess Start(Victim role)
    {
        var name = role.ToString().ToLowerInvariant();
        var witness = Path.Combine(Folder, $"{name}.txt");
        var output = Path.Combine(Folder, $"{name}.log");
        var command = _options.Nodes == NodeKind.CSharp
            ? new List<string> { Path.GetFullPath(_options.Program), name }
            : [FindInPath("python3"), Path.Combine(_options.Program, $"{name}.py")];
        var program = command[0];
        command.AddRange(["--depth", $"{_options.Depth}", "--witness", witness]);
        if (_options.Lends)
        {
            command.AddRange(["--lend", "yes"]);
        }
        if (role == Victim.Counter)
        {
            command.AddRange(["--rate", _options.Rate.ToString(CultureInfo.InvariantCulture)]);
        }
        var nothing = Posix.Open("/dev/null", Posix.ReadOnly | Posix.CloseOnExec, 0);
        var log = Posix.Open(output, Posix.WriteOnly | Posix.Append | Posix.Make | Posix.CloseOnExec, 0x180);
        try
        {
            // CRIU does not dump a process whose session's leader is outside of the pid namespace.
            var pid = Posix.Spawn(program, command, Environment(role), null, [(nothing, 0), (log, 1), (log, 2)], newSession: Posix.SessionId == 0);
            return new NodeProcess(role, pid, new WitnessTail(witness), output);
        }
        finally
        {
            Posix.Close(nothing);
            Posix.Close(log);
        }
    }

    private List<string> Environment(Victim role)
    {
        var all = System.Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>()
            .ToDictionary(x => (string)x.Key, x => (string?)x.Value ?? "");
        all["RMW_IMPLEMENTATION"] = _options.Rmw;
        all["ROS_DOMAIN_ID"] = $"{_options.Domain}";
        all["ROS_LOG_DIR"] = Path.Combine(Folder, "log");
        all["RMW_CKPT_DIR"] = CheckpointFolder;
        all["RMW_CKPT_INTERVAL"] = _options.Interval.ToString(CultureInfo.InvariantCulture);
        all["RMW_CKPT_ENGINE"] = _options.Engine;
        all["RMW_CKPT_GATEWAY"] = "off";
        all.Remove("RMW_CKPT_KILL_FOLDER");
        if (_options.Points.Count > 0 && role == _options.Victims[0])
        {
            all["RMW_CKPT_KILL_FOLDER"] = KillFolder;
        }
        return [.. all.Select(x => $"{x.Key}={x.Value}")];
    }

    private static string FindInPath(string name) =>
        (System.Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
        ?? throw new TrialException($"there is no {name} in PATH");
}

/// <summary>The trial cannot go on; the message says why.</summary>
public sealed class TrialException(string message) : Exception(message);
