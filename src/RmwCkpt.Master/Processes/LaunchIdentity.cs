using System.Text;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;

namespace RmwCkpt.Master.Processes;

/// <summary>What tells that two processes are starts of the same command, by the same launcher. Pure functions.</summary>
internal static class LaunchIdentity
{
    private const string Deleted = " (deleted)";
    private static readonly string[] s_rosVariables = ["ROS_", "AMENT_", "RMW_"];

    /// <summary>A hash of executable, arguments, folder and the environment's ROS part.</summary>
    public static ulong Of(ProcessFacts facts)
    {
        var executable = facts.Executable.EndsWith(Deleted, StringComparison.Ordinal)
            ? facts.Executable[..^Deleted.Length]
            : facts.Executable;
        var environment = facts.Environment
            .Where(x => s_rosVariables.Any(v => x.StartsWith(v, StringComparison.Ordinal)))
            .Where(x => !x.StartsWith(Settings.Resume.Name + "=", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);
        return Hash([executable, facts.Folder, .. facts.Command, "", .. environment]);
    }

    /// <summary>FNV-1a, 64 bits; the same in each master.</summary>
    public static ulong Hash(IEnumerable<string> texts)
    {
        var hash = 0xcbf29ce484222325;
        foreach (var text in texts)
        {
            foreach (var b in Encoding.Latin1.GetBytes(text + "\0"))
            {
                hash = (hash ^ b) * 0x100000001b3;
            }
        }
        return hash;
    }

    /// <summary>
    /// Whether two starts have the same launcher: the parent, or the parent's, where what was in between (as `ros2 run`, a
    /// shell) ended with its child, and the same command is in its place now.
    /// </summary>
    public static bool IsSameLauncher(IReadOnlyList<Ancestor> former, IReadOnlyList<Ancestor> now, Func<Ancestor, bool> isAlive)
    {
        for (var i = 0; i < Math.Min(former.Count, now.Count); i++)
        {
            if (IsSame(former[i], now[i]))
            {
                return true;
            }
            if (former[i].Command != now[i].Command || isAlive(former[i]))
            {
                return false;
            }
        }
        return false;
    }

    /// <summary>
    /// Whether the very process that had started one has started this one by itself: a launcher that starts again what has ended,
    /// no shell into which somebody types.
    /// </summary>
    public static bool IsRespawn(IReadOnlyList<Ancestor> former, ProcessFacts now) =>
        former.Count > 0 && now.Ancestors.Count > 0 && IsSame(former[0], now.Ancestors[0])
        && !(now.Attributes?.Session == former[0].Pid && now.Stdio.Count > 0 && HeldStdio.KindOf(now.Stdio[0]) == StdioKind.Terminal);

    private static bool IsSame(Ancestor one, Ancestor other) =>
        one.Pid == other.Pid && ProcessProbe.IsSameStart(one.StartTime, other.StartTime);
}
