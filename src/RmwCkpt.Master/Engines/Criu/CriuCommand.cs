using System.Globalization;
using System.Text;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines.Criu;

/// <summary>A descriptor that CRIU uses in place of what a key of its images names.</summary>
public sealed record Inherited(int Descriptor, string Key);

/// <summary>CRIU's command lines; the one place that knows its options.</summary>
public static class CriuCommand
{
    /// <summary>Bytes of a log of CRIU's that is read, at most.</summary>
    private const int LargestLog = 64 << 20;

    private static readonly string[] s_common =
        ["--shell-job", "--manage-cgroups=ignore", "--tcp-close", "-v2"];

    /// <summary>
    /// The process goes on, and the network is not locked. TCP connections are no obstacle: the restored process finds them
    /// closed, as after any trouble of the network.
    /// </summary>
    public static IReadOnlyList<string> Dump(int pid, string folder, IEnumerable<string> external, bool unprivileged) =>
    [
        "criu", "dump", "-t", pid.ToString(CultureInfo.InvariantCulture), "-D", folder, "-o", "dump.log",
        "--leave-running", "--network-lock", "skip", "--ghost-limit", "2G", .. s_common,
        .. external.SelectMany(x => new[] { "--external", x }), .. Unprivileged(unprivileged),
    ];

    /// <summary>The restored process becomes a child of CRIU's parent, and CRIU ends.</summary>
    public static IReadOnlyList<string> Restore(string folder, IEnumerable<Inherited> inherited, bool unprivileged) =>
    [
        "criu", "restore", "-D", folder, "-o", "restore.log", "--restore-detached", "--restore-sibling", .. s_common,
        .. inherited.SelectMany(x => new[]
        {
            "--inherit-fd", string.Create(CultureInfo.InvariantCulture, $"fd[{x.Descriptor}]:{x.Key}"),
        }),
        .. Unprivileged(unprivileged),
    ];

    /// <summary>How CRIU calls a terminal.</summary>
    public static string TerminalKey(uint device, uint fileSystem) =>
        string.Create(CultureInfo.InvariantCulture, $"tty[{device:x}:{fileSystem:x}]");

    /// <summary>How CRIU calls a regular file: its path from the root.</summary>
    public static string FileKey(string path) => path[1..];

    /// <summary>Text as Posix.Spawn wants it, a character for each byte.</summary>
    public static string Native(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    /// <summary>The lines of CRIU's log that say what went wrong, at most five.</summary>
    public static IReadOnlyList<string> Errors(TrustedPath log)
    {
        try
        {
            var lines = Encoding.UTF8.GetString(log.ReadAll(LargestLog)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            var errors = lines.Where(x => x.Contains("Error (", StringComparison.Ordinal)
                && !x.Contains("RLIMIT_NOFILE", StringComparison.Ordinal)).TakeLast(5).ToList();
            return errors.Count > 0 ? errors : [.. lines.TakeLast(3)];
        }
        catch (IOException e)
        {
            return [e.Message];
        }
    }

    private static string[] Unprivileged(bool unprivileged) => unprivileged ? ["--unprivileged"] : [];
}
