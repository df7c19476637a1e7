using System.Globalization;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Domain;

/// <summary>
/// The variables of the environment that nodes, masters and tools read: the one place that has their names, ranges and defaults,
/// and that reads them. RMW_CKPT_RANDOM is the shim's to read (rmw_ckpt/src/settings.cpp).
/// </summary>
/// <param name="read">What a variable is; null: it is not set.</param>
public sealed class Settings(Func<string, string?> read)
{
    /// <summary>Domains from here on are those of processes alone with themselves, with discovery off.</summary>
    public const int FirstPrivateDomain = 0x40000000;

    public static readonly Setting<double> Interval = Setting.OfNumber("RMW_CKPT_INTERVAL", "auto", "seconds", 86400, word: "auto", meaning: -1);

    public static readonly Setting<double> Goal = Setting.OfNumber("RMW_CKPT_GOAL", "0.2", "seconds", 3600);

    public static readonly Setting<EnginePolicy> Engine = Setting.OfWords(
        "RMW_CKPT_ENGINE", "auto", ("auto", EnginePolicy.Auto), ("fork", EnginePolicy.Fork), ("criu", EnginePolicy.Criu),
        ("none", EnginePolicy.None));

    public static readonly Setting<RecoverPolicy> Recover = Setting.OfWords(
        "RMW_CKPT_RECOVER", "auto", ("auto", RecoverPolicy.Auto), ("signals", RecoverPolicy.Signals), ("off", RecoverPolicy.Off));

    public static readonly Setting<PoisonPolicy> Poison = Setting.OfWords(
        "RMW_CKPT_POISON", "stay", ("stay", PoisonPolicy.Stay), ("skip", PoisonPolicy.Skip));

    public static readonly TextSetting PolicyFile = new("RMW_CKPT_POLICY", "the path of a file", "none");

    public static readonly Setting<bool> Random = Setting.OfWords("RMW_CKPT_RANDOM", "on", ("on", true), ("off", false));

    public static readonly Setting<long> Memory = Setting.OfBytes("RMW_CKPT_MEMORY", "a quarter of the run folder's file system");

    public static readonly Setting<long> Retention = Setting.OfBytes("RMW_CKPT_RETENTION", "its share of the domain's memory");

    /// <summary>Whether snapshots are moved to the disk.</summary>
    public static readonly Setting<bool> Keep = Setting.OfWords("RMW_CKPT_KEEP", "memory", ("memory", false), ("disk", true));

    public static readonly Setting<double> JournalLimit = Setting.OfNumber("RMW_CKPT_JOURNAL_LIMIT", "200000", "journal cells", 1e12);

    public static readonly TextSetting Directory = new(
        "RMW_CKPT_DIR", "the path of a folder", "/dev/shm/rmw_ckpt-UID/DOMAIN and $XDG_STATE_HOME/rmw_ckpt/DOMAIN");

    public static readonly TextSetting CriuProgram = new("RMW_CKPT_CRIU", "the path of a program", "the first in PATH from version 4 on");

    public static readonly Setting<LogDetail> LogLevel = Setting.OfWords(
        "RMW_CKPT_LOG_LEVEL", "info", ("debug", LogDetail.Debug), ("info", LogDetail.Info), ("warning", LogDetail.Warning),
        ("warn", LogDetail.Warning), ("error", LogDetail.Error), ("fatal", LogDetail.Fatal));

    public static readonly Setting<int> RosDomain = new(
        "ROS_DOMAIN_ID", "a whole number from 0 on", "0", "is not a domain, a whole number from 0 on",
        text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var domain) && domain < FirstPrivateDomain ? domain : null);

    /// <summary>The program rmw_ckpt, which serves as master.</summary>
    public static readonly TextSetting Program = new("RMW_CKPT_PROGRAM", "the path of a program", "the one beside the library, or in PATH");

    /// <summary>
    /// Set by the master for a command that it starts again: which process that takes over, and in which domain.
    /// </summary>
    public static readonly Setting<(ulong Process, int Domain)> Resume = new(
        "RMW_CKPT_RESUME", "ID@DOMAIN", "none", "is not ID@DOMAIN, a process' id in hexadecimal digits and a domain", ParseResume);

    /// <summary>A master that was started from a restored node has left its time namespace; which descriptor it did so by.</summary>
    public static readonly Setting<int> TimeNamespaceLeft = new(
        "RMW_CKPT_TIME_NAMESPACE_LEFT", "a descriptor", "none", "is not a descriptor",
        text => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var descriptor) ? descriptor : null);

    public static readonly TextSetting KillFolder = new("RMW_CKPT_KILL_FOLDER", "the path of a folder", "none");

    /// <summary>Those that users set, in the order of README.</summary>
    public static IReadOnlyList<Setting> OfUsers { get; } =
        [Interval, Goal, Engine, Recover, PolicyFile, Random, Memory, Retention, Keep, JournalLimit, Directory, CriuProgram, LogLevel];

    /// <summary>The others: for tests, for unusual hosts, of ROS, and the core's own.</summary>
    public static IReadOnlyList<Setting> Others { get; } = [Poison, Program, RosDomain, Resume, TimeNamespaceLeft, KillFolder];

    /// <summary>This process' environment.</summary>
    public static Settings OfProcess => new(Environment.GetEnvironmentVariable);

    private readonly List<string> _complaints = [];

    /// <summary>One line for each value that was asked for here and could not be used.</summary>
    public IReadOnlyList<string> Complaints => _complaints;

    /// <summary>What a variable is that others have defined, as PATH and HOME; null: it is not set, or empty.</summary>
    public string? Variable(string name) => read(name) is { Length: > 0 } text ? text : null;

    /// <summary>Null: it is not set, or empty.</summary>
    public string? Text(Setting setting) => Variable(setting.Name);

    /// <summary>As <see cref="Text"/>; null too where it cannot be used, which is complained of.</summary>
    public string? Checked(Setting setting)
    {
        if (Text(setting) is not { } text)
        {
            return null;
        }
        if (setting.Complaint(text) is { } complaint)
        {
            _complaints.Add(complaint);
            return null;
        }
        return text;
    }

    /// <summary>What it says; null as <see cref="Checked"/>.</summary>
    public T? Value<T>(Setting<T> setting)
        where T : struct => Checked(setting) is { } text ? setting.Parse(text) : null;

    /// <summary>
    /// The first file of a name in the folders of PATH; null: there is none. <paramref name="first"/> are folders before those.
    /// </summary>
    public string? FindProgram(string name, params string[] first) => first.Concat((Variable("PATH") ?? "").Split(':'))
        .Where(x => x.Length > 0).Select(x => Path.GetFullPath(Path.Combine(x, name))).FirstOrDefault(File.Exists);

    private static (ulong Process, int Domain)? ParseResume(string text) =>
        text.Split('@') is [var id, var of]
        && ulong.TryParse(id, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var process)
        && int.TryParse(of, NumberStyles.None, CultureInfo.InvariantCulture, out var domain)
            ? (process, domain) : null;
}

/// <summary>How much of what is said stands in the master's log: this, and what is worse.</summary>
public enum LogDetail
{
    Debug,
    Info,
    Warning,
    Error,
    Fatal,
}
