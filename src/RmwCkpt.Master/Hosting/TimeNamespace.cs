using System.Collections;
using System.Globalization;
using RmwCkpt.Domain;
using RmwCkpt.Master.Engines.Criu;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Hosting;

/// <summary>
/// CRIU restores processes into time namespaces, and a master that such a process starts is born into one. There clocks and
/// processes' start times are shifted, and CRIU, run from there, would shift them again.
/// </summary>
internal static class TimeNamespace
{
    /// <summary>The kernel's PROC_TIME_INIT_INO.</summary>
    private const string Initial = "time:[4026531834]";

    private const long TicksPerSecond = 100;
    private static readonly string[] s_nsenters = ["/usr/bin/nsenter", "/bin/nsenter"];

    /// <summary>How far start times in /proc are shifted for this process, in clock ticks.</summary>
    public static long ShiftInTicks { get; } = ReadShift();

    /// <summary>
    /// Starts this program again outside, with the same arguments and descriptors, when it is inside. (setns(2) itself
    /// wants a process with one thread.) Where that cannot be it goes on inside.
    /// </summary>
    public static void Leave()
    {
        if (Settings.OfProcess.Text(Settings.TimeNamespaceLeft) is { } tried)
        {
            Environment.SetEnvironmentVariable(Settings.TimeNamespaceLeft.Name, null);
            if (Settings.TimeNamespaceLeft.Parse(tried) is { } used && used > 2)
            {
                Posix.Close(used);
            }
            return;
        }
        var inside = ProcessProbe.Link("/proc/self/ns/time");
        if (inside is "" or Initial || Environment.ProcessPath is not { } program || OpenOutside() is not (>= 0 and var outside))
        {
            return;
        }
        var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Select(x => CriuCommand.Native($"{x.Key}={x.Value}")).Append(string.Create(CultureInfo.InvariantCulture, $"{Settings.TimeNamespaceLeft.Name}={outside}")).ToList();
        var arguments = Environment.GetCommandLineArgs().Skip(1).Prepend(program)
            .Prepend(string.Create(CultureInfo.InvariantCulture, $"--time=/proc/self/fd/{outside}")).Prepend("nsenter");
        foreach (var nsenter in s_nsenters.Where(File.Exists))
        {
            Posix.Execute(nsenter, [.. arguments.Select(CriuCommand.Native)], environment);
        }
        Posix.Close(outside);
    }

    /// <summary>
    /// The initial time namespace, by way of any process that is in it and may be looked at. Not closed on exec: the
    /// process may end before nsenter comes to it.
    /// </summary>
    private static int OpenOutside()
    {
        foreach (var process in Directory.EnumerateDirectories("/proc"))
        {
            var path = process + "/ns/time";
            if (char.IsAsciiDigit(process[^1]) && ProcessProbe.Link(path) == Initial)
            {
                try
                {
                    return Posix.Open(path, Posix.ReadOnly, 0);
                }
                catch (PosixException)
                {
                    // It has ended.
                }
            }
        }
        return -1;
    }

    private static long ReadShift()
    {
        try
        {
            // "boottime  -4 449947792": seconds and nanoseconds.
            var fields = File.ReadLines("/proc/self/timens_offsets").Last()
                .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            var seconds = long.Parse(fields[1], CultureInfo.InvariantCulture);
            var nanoseconds = long.Parse(fields[2], CultureInfo.InvariantCulture);
            return (seconds * TicksPerSecond) + (nanoseconds / (Clock.Second / TicksPerSecond));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or InvalidOperationException)
        {
            // A kernel without time namespaces.
            return 0;
        }
    }
}
