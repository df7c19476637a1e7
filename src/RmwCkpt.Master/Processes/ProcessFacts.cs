using System.Globalization;
using System.Text;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Hosting;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Processes;

/// <summary>
/// What /proc says about a process: enough to start it again, if the kernel lets the master look at all of it. It does not
/// where the process has a capability that the master lacks; then it is not started again, and the rest is empty.
/// </summary>
public sealed record ProcessFacts
{
    public int Pid { get; init; }

    /// <summary>
    /// /proc/PID/stat field 22, clock ticks since boot: with the pid it names one process. A tick or two may be lost to
    /// rounding where a time namespace has shifted it.
    /// </summary>
    public ulong StartTime { get; init; }

    public string Executable { get; init; } = "";

    /// <summary>Arguments and environment as Latin-1, one character a byte, for they need not be text.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    public IReadOnlyList<string> Environment { get; init; } = [];

    public string Folder { get; init; } = "";

    /// <summary>Null: /proc does not say.</summary>
    public Rights? Rights { get; init; }

    /// <summary>Readlinks of descriptors 0, 1, 2; empty: closed.</summary>
    public IReadOnlyList<string> Stdio { get; init; } = [];

    /// <summary>Who started it: its parent, that one's, and so on, a few.</summary>
    public IReadOnlyList<Ancestor> Ancestors { get; init; } = [];

    public Attributes Attributes { get; init; } = new();

    /// <summary>Its ancestor that reads its outputs by pipes, as `ros2 launch` does, and when that one started; 0: none does.</summary>
    public (int Pid, ulong StartTime) Launcher { get; init; }
}

/// <summary>Looks at processes. Tests put their own in its place.</summary>
public interface IProcessProbe
{
    /// <summary>Facts of a process, or null when there is none to be seen.</summary>
    ProcessFacts? Read(int pid);

    /// <summary>Start time of a process that has not ended (a zombie has), or null.</summary>
    ulong? StartTime(int pid);

    /// <summary>A descriptor that is readable when the process has ended, or -1.</summary>
    int OpenPidfd(int pid);

    /// <summary>Whether a process has a file mapped that this one has mapped at an address; null: it may not be looked at.</summary>
    bool? Maps(int pid, nint address);

    /// <summary>
    /// The user's other processes that have such a file mapped, or one that had its name <paramref name="path"/> before it, without
    /// masters and those who look on. Looks at all processes.
    /// </summary>
    IReadOnlyList<int> FindMappers(nint address, string path);

    /// <summary>What tells the pid namespace of this process from others; 0: not known.</summary>
    ulong PidNamespace { get; }
}

/// <summary>The probe that reads /proc.</summary>
public sealed class ProcessProbe : IProcessProbe
{
    public ProcessFacts? Read(int pid)
    {
        try
        {
            string[] stdio = [Link($"/proc/{pid}/fd/0"), Link($"/proc/{pid}/fd/1"), Link($"/proc/{pid}/fd/2")];
            if (StartTime(pid) is not { } start)
            {
                return null;
            }
            var facts = new ProcessFacts
            {
                Pid = pid,
                StartTime = start,
                Executable = Link($"/proc/{pid}/exe"),
                Command = Strings($"/proc/{pid}/cmdline"),
                Environment = IfReadable($"/proc/{pid}/environ"),
                Folder = Link($"/proc/{pid}/cwd"),
                Rights = RightsReader.Read(pid),
                Stdio = stdio,
                Ancestors = [.. AncestorsOf(pid)],
                Attributes = ProcessAttributes.Read(pid),
                Launcher = LauncherOf(pid, [.. stdio.Skip(1).Where(x => HeldStdio.KindOf(x) == StdioKind.Pipe)]),
            };
            // Of one that has ended meanwhile not all was there to be read.
            return StartTime(pid) == start ? facts : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public ulong? StartTime(int pid)
    {
        var fields = Stat(pid);
        // Fields 3 and 22, counted from the state after the command's closing parenthesis.
        return fields.Length > 19 && fields[0] is not ("Z" or "X" or "x")
            ? (ulong)(long.Parse(fields[19], CultureInfo.InvariantCulture) - TimeNamespace.ShiftInTicks)
            : null;
    }

    public int OpenPidfd(int pid) => Posix.OpenPidfd(pid);

    /// <summary>Whether two start times of a process id are of one process.</summary>
    public static bool IsSameStart(ulong one, ulong other) => Math.Abs((long)one - (long)other) <= 2;

    /// <summary>Bytes of a process' memory that are in no file: about what its image has; 0: there is no such process.</summary>
    public static long PrivateBytes(int pid)
    {
        try
        {
            var pages = File.ReadAllText($"/proc/{pid}/statm").Split(' ');
            return (long.Parse(pages[1], CultureInfo.InvariantCulture) - long.Parse(pages[2], CultureInfo.InvariantCulture))
                * Environment.SystemPageSize;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    public bool? Maps(int pid, nint address) =>
        MapsOf("self").FirstOrDefault(x => x.Start <= address && address < x.End) is { File: { } file }
            && MapsOf($"{pid}") is { Count: > 0 } maps
            ? maps.Any(x => x.File == file)
            : null;

    public IReadOnlyList<int> FindMappers(nint address, string path)
    {
        var own = MapsOf("self").FirstOrDefault(x => x.Start <= address && address < x.End);
        var space = Link("/proc/self/ns/mnt");
        return [.. Directory.EnumerateDirectories("/proc")
            .Select(x => int.TryParse(Path.GetFileName(x), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(pid => pid != 0 && pid != Posix.ProcessId && IsOfUser(pid) && !IsCommand(pid) && !IsSnapshot(pid) && MapsOf($"{pid}").Any(x =>
                x.File == own.File || (x.Path == path + " (deleted)" && Link($"/proc/{pid}/ns/mnt") == space)))];
    }

    public ulong PidNamespace { get; } =
        ulong.TryParse(Link("/proc/self/ns/pid").Replace("pid:[", "", StringComparison.Ordinal).TrimEnd(']'), out var inode) ? inode : 0;

    /// <summary>Whether it is rmw_ckpt itself, as the master before this one, which hands on to it: no node.</summary>
    private static bool IsCommand(int pid) =>
        Path.GetFileName(Link($"/proc/{pid}/exe")) is "rmw_ckpt" or "rmw_ckpt (deleted)";

    /// <summary>Whether it is a child of a node that sleeps for its recovery (rmw_ckpt/snapshot): its name says so.</summary>
    private static bool IsSnapshot(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/comm").StartsWith("rmw_ckpt: snap", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsOfUser(int pid) => Posix.OwnerOf($"/proc/{pid}") == Posix.UserId;

    /// <summary>Mappings of files: where, of which (device and inode, as the kernel calls them), and its name. None: not to be had.</summary>
    private static List<(nint Start, nint End, string? File, string Path)> MapsOf(string process)
    {
        var maps = new List<(nint, nint, string?, string)>();
        try
        {
            foreach (var line in File.ReadLines($"/proc/{process}/maps", Encoding.Latin1))
            {
                // 7f0000000000-7f0000001000 rw-s 00000000 00:1c 123   /name
                var parts = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
                var ends = parts[0].Split('-');
                if (parts.Length == 6 && parts[4] != "0" && long.TryParse(ends[0], NumberStyles.HexNumber, null, out var start)
                    && long.TryParse(ends[1], NumberStyles.HexNumber, null, out var end))
                {
                    maps.Add(((nint)start, (nint)end, $"{parts[3]} {parts[4]}", parts[5]));
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended, or is protected.
        }
        return maps;
    }

    /// <summary>Whether a process id is taken, be it by a zombie.</summary>
    public static bool Exists(int pid) => Directory.Exists($"/proc/{pid}");

    /// <summary>How a process ended whose parent has not collected it yet, as of waitpid(2); else null.</summary>
    public static int? ExitStatus(int pid)
    {
        var fields = Stat(pid);
        return fields is ["Z", ..] && fields.Length > 49 ? int.Parse(fields[49], CultureInfo.InvariantCulture) : null;
    }

    /// <summary>
    /// The process' state letter, parent, and session (0: its leader is outside of the pid namespace); null when there is none.
    /// </summary>
    public static (char State, int Parent, int Session)? StateOf(int pid)
    {
        var fields = Stat(pid);
        return fields.Length > 3
            ? (fields[0][0], int.Parse(fields[1], CultureInfo.InvariantCulture), int.Parse(fields[3], CultureInfo.InvariantCulture))
            : null;
    }

    /// <summary>The ids of all processes that may be seen.</summary>
    public static IEnumerable<int> All() =>
        Directory.EnumerateDirectories("/proc")
            .Select(x => int.TryParse(Path.GetFileName(x), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(x => x > 0);

    /// <summary>Whether it has ended or is about to: it has no memory any more, which /proc says of any process.</summary>
    public static bool IsEnding(int pid) => Stat(pid) is not { Length: > 20 } fields || fields[20] == "0";

    /// <summary>Whether it has ended, be it that a thread of it or its zombie is still to be collected.</summary>
    public static bool HasEnded(int pid) => StateOf(pid) is null or { State: 'Z' or 'X' or 'x' };

    /// <summary>Processor time of all its threads, ns, in steps of 10 ms; 0: not known.</summary>
    public static long ProcessorTime(int pid) =>
        Stat(pid) is { Length: > 12 } fields && long.TryParse(fields[11], CultureInfo.InvariantCulture, out var user)
        && long.TryParse(fields[12], CultureInfo.InvariantCulture, out var system)
            ? (user + system) * 10_000_000
            : 0;

    /// <summary>Bytes of it that are in memory; 0: not known.</summary>
    public static long ResidentBytes(int pid)
    {
        try
        {
            return long.Parse(File.ReadAllText($"/proc/{pid}/statm").Split(' ')[1], CultureInfo.InvariantCulture)
                * Environment.SystemPageSize;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException)
        {
            return 0;
        }
    }

    /// <summary>Its command's name as the kernel has it, or an empty text.</summary>
    public static string NameOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/comm").TrimEnd();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>A process' children.</summary>
    public static IReadOnlyList<int> Children(int pid)
    {
        try
        {
            return [.. Directory.EnumerateDirectories($"/proc/{pid}/task").SelectMany(ChildrenOfThread)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended meanwhile.
            return [];
        }
    }

    private static int[] ChildrenOfThread(string thread)
    {
        try
        {
            return [.. File.ReadAllText(thread + "/children")
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(x => int.Parse(x, CultureInfo.InvariantCulture))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended meanwhile.
            return [];
        }
    }

    /// <summary>A process' children and theirs.</summary>
    public static IReadOnlyList<int> Descendants(int pid)
    {
        var found = new List<int>();
        var at = -1;
        for (var next = pid; ; next = found[at])
        {
            found.AddRange(Children(next));
            if (++at >= found.Count)
            {
                return found;
            }
        }
    }

    private (int Pid, ulong StartTime) LauncherOf(int pid, IReadOnlyList<string> pipes)
    {
        // A shell or two may be in between.
        for (var depth = 0; depth < 3 && pipes.Count > 0 && StateOf(pid) is { Parent: > 1 } state; depth++)
        {
            pid = state.Parent;
            if (ReadsAnyOf(pid, pipes) && StartTime(pid) is { } start)
            {
                return (pid, start);
            }
        }
        return default;
    }

    private static bool ReadsAnyOf(int pid, IReadOnlyList<string> pipes)
    {
        try
        {
            return Directory.EnumerateFiles($"/proc/{pid}/fd").Any(x => pipes.Contains(Link(x))
                && HeldStdio.Access(pid, int.Parse(Path.GetFileName(x), CultureInfo.InvariantCulture)) == Posix.ReadOnly);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another user's, or it has ended.
            return false;
        }
    }

    public static string Link(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget ?? "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private IEnumerable<Ancestor> AncestorsOf(int pid)
    {
        const int Most = 4;
        for (var i = 0; i < Most && StateOf(pid) is { Parent: > 0 } state; i++)
        {
            pid = state.Parent;
            if (StartTime(pid) is not { } start)
            {
                yield break;
            }
            yield return new Ancestor { Pid = (uint)pid, StartTime = start, Command = CommandOf(pid) };
        }
    }

    /// <summary>A hash of a process' arguments; 0: it has just ended.</summary>
    private static ulong CommandOf(int pid)
    {
        try
        {
            return LaunchIdentity.Hash(Strings($"/proc/{pid}/cmdline"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private static string[] Stat(int pid)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{pid}/stat", Encoding.Latin1);
            return text[(text.LastIndexOf(')') + 1)..].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string[] IfReadable(string path)
    {
        try
        {
            return Strings(path);
        }
        catch (UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string[] Strings(string path)
    {
        var text = Encoding.Latin1.GetString(File.ReadAllBytes(path));
        return text.Length == 0 ? [] : text.TrimEnd('\0') is var t && t.Length == 0 ? [""] : text[..^(text[^1] == '\0' ? 1 : 0)].Split('\0');
    }
}
