using System.Globalization;
using System.Text;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines;

/// <summary>A descriptor that CRIU uses in place of what a key of its images names.</summary>
public sealed record Inherited(int Descriptor, string Key);

/// <summary>CRIU's command lines; the one place that knows its options. No I/O but <see cref="Run"/>.</summary>
public static class CriuCommand
{
    private static readonly string[] s_common =
        ["--shell-job", "--manage-cgroups=ignore", "-v2"];

    /// <summary>No dump or restore takes longer, unless it never ends.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private const int Nice = -15;
    private const long FutilePatience = 300 * Clock.Millisecond;
    private const int LookEvery = 50; // ms

    /// <summary>The process goes on. Sockets that a ROS node may well have open are no obstacle; the network is not locked.</summary>
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

    /// <summary>
    /// Runs CRIU to its end with nothing of ours but the inherited descriptors; its exit status, 128 and more when a signal
    /// ended it. It is killed after <see cref="Limit"/>, or soon after <paramref name="isFutile"/> begins to be true: it may
    /// wait for ever for a process that is killed under it, whose end nobody hears of while CRIU holds it.
    /// </summary>
    public static int Run(string program, IReadOnlyList<string> arguments, IEnumerable<int> inherited, Func<bool> isFutile)
    {
        var nothing = Posix.Open("/dev/null", Posix.ReadWrite | Posix.CloseOnExec, 0);
        try
        {
            var environment = Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>()
                .Select(x => Native($"{x.Key}={x.Value}")).ToList();
            // CRIU calls iptables, ip and the like in places; a ROS environment's libraries are not for it.
            environment.RemoveAll(x => x.StartsWith("LD_", StringComparison.Ordinal));
            var pid = Posix.Spawn(
                program, [.. arguments.Select(Native)], environment, "/",
                [(nothing, 0), (nothing, 1), (nothing, 2), .. inherited.Distinct().Select(x => (x, x))], newSession: false);
            // A process stands still meanwhile. It gets its own niceness back, which is in the image.
            Posix.TrySetNice(pid, Nice);
            AwaitEnd(pid, isFutile);
            var status = Posix.WaitFor(pid);
            return (status & 0x7f) == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f);
        }
        finally
        {
            Posix.Close(nothing);
        }
    }

    private static void AwaitEnd(int pid, Func<bool> isFutile)
    {
        var pidfd = Posix.OpenPidfd(pid);
        var limit = Clock.Steady + ((long)Limit.TotalSeconds * Clock.Second);
        var futileSince = long.MaxValue;
        Span<bool> ended = [false];
        try
        {
            // Without a descriptor, when there are too many, the caller's wait for its end is all there is.
            while (pidfd >= 0 && !Posix.Poll([pidfd], ended, LookEvery))
            {
                futileSince = !isFutile() ? long.MaxValue : Math.Min(futileSince, Clock.Steady);
                if (Clock.Steady > limit || Clock.Steady - futileSince > FutilePatience)
                {
                    Posix.Kill(pid, Posix.SigKill);
                }
            }
        }
        finally
        {
            Posix.Close(pidfd);
        }
    }

    /// <summary>Text as Posix.Spawn wants it, a character for each byte.</summary>
    public static string Native(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    /// <summary>The lines of CRIU's log that say what went wrong, at most five.</summary>
    public static string Errors(string log)
    {
        try
        {
            var lines = File.ReadAllLines(log);
            var errors = lines.Where(x => x.Contains("Error (", StringComparison.Ordinal)
                && !x.Contains("RLIMIT_NOFILE", StringComparison.Ordinal)).TakeLast(5).ToList();
            return errors.Count > 0 ? string.Join(" | ", errors) : string.Join(" | ", lines.TakeLast(3));
        }
        catch (IOException e)
        {
            return e.Message;
        }
    }

    private static string[] Unprivileged(bool unprivileged) => unprivileged ? ["--unprivileged"] : [];
}
