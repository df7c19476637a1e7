using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Win32.SafeHandles;
using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines.Criu;

/// <summary>A CRIU program and whether it can work here.</summary>
public sealed record CriuProgram(string Path, Version Version, bool Unprivileged);

/// <summary>
/// Looks for CRIU: RMW_CKPT_CRIU, else criu in PATH from version 4 on, else .criu/bin/criu in a folder above this program
/// (the workspace's own, made by colcon/criu).
/// </summary>
public static partial class CriuFinder
{
    public static readonly Version Oldest = new(4, 0);

    /// <summary>What to do where none can be used; with rights of its own this program runs no other than root's.</summary>
    private static string Remedy => Posix.HasRightsOfItsFile
        ? "have root install a criu of version 4 or later in /usr/local/sbin or /usr/sbin, where root alone can change it"
        : "run colcon/criu in the workspace, or set RMW_CKPT_CRIU to a criu of version 4 or later";

    public static CriuProgram? Find(string? named, out string why)
    {
        var tried = new List<string>();
        if (named is not null && Posix.HasRightsOfItsFile)
        {
            tried.Add($"{Settings.CriuProgram.Name}={named} is not used: this program has rights of its own, which the variable's setter has not");
            named = null;
        }
        foreach (var path in named is not null ? [named] : Candidates())
        {
            if (!File.Exists(path))
            {
                if (named is not null)
                {
                    tried.Add($"{Settings.CriuProgram.Name}={named} is not there");
                }
                continue;
            }
            if (Posix.HasRightsOfItsFile && !Posix.IsRootsAlone(path))
            {
                tried.Add($"{path} is not used: others than root can change it, and this program has rights of its own");
            }
            else if (VersionOf(path) is not { } version)
            {
                tried.Add($"{path} does not run");
            }
            else if (version < Oldest)
            {
                tried.Add($"{path} is version {version}, older than {Oldest}");
            }
            else if (Capabilities.Lacking() is { } lacking)
            {
                why = $"{path} {version} is there, but {lacking}";
                return null;
            }
            else
            {
                why = $"{path} {version}";
                return new CriuProgram(path, version, Unprivileged: Capabilities.AreFew);
            }
        }
        why = tried.Count > 0 ? $"{string.Join("; ", tried)}: {Remedy}" : $"criu is not installed: {Remedy}";
        return null;
    }

    public static IEnumerable<string> Candidates()
    {
        // With rights that who runs it has not, what he says in PATH is not followed.
        var path = Posix.HasRightsOfItsFile ? "/usr/local/sbin:/usr/local/bin:/usr/bin" : Settings.OfProcess.Variable("PATH") ?? "";
        foreach (var folder in path.Split(':').Append("/usr/sbin").Distinct())
        {
            if (folder.StartsWith('/'))
            {
                yield return Path.Combine(folder, "criu");
            }
        }
        var program = Environment.ProcessPath is { } self ? File.ResolveLinkTarget(self, true)?.FullName ?? self : null;
        for (var folder = Path.GetDirectoryName(program); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            yield return Path.Combine(folder, ".criu", "bin", "criu");
        }
    }

    /// <summary>What `criu --version` says, or null.</summary>
    public static Version? VersionOf(string program)
    {
        var match = VersionLine().Match(Output(program, "--version").Text);
        return match.Success
            ? new Version(
                int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture),
                int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture))
            : null;
    }

    /// <summary>Runs CRIU and reads what it says.</summary>
    public static (int Status, string Text) Output(string program, params string[] arguments)
    {
        var (status, bytes) = OutputBytes(program, arguments);
        return (status, Encoding.UTF8.GetString(bytes));
    }

    /// <summary>The same, as bytes; in memory, for the folder of temporary files may be full, or gone with the node that had it.</summary>
    public static (int Status, byte[] Bytes) OutputBytes(string program, params string[] arguments)
    {
        try
        {
            using var said = new FileStream(new SafeFileHandle(Posix.MakeMemoryFile("rmw_ckpt output"), ownsHandle: true), FileAccess.Read);
            var fd = (int)said.SafeFileHandle.DangerousGetHandle();
            var nothing = Posix.Open("/dev/null", Posix.ReadOnly | Posix.CloseOnExec, 0);
            try
            {
                var pid = Capabilities.Spawn(() => Posix.Spawn(
                    program, ["criu", .. arguments], ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], "/",
                    [(nothing, 0), (fd, 1), (fd, 2)], newSession: false));
                var status = Posix.WaitFor(pid);
                var bytes = new byte[said.Length];
                said.Position = 0;
                said.ReadExactly(bytes);
                return ((status >> 8) & 0xff, bytes);
            }
            finally
            {
                Posix.Close(nothing);
            }
        }
        catch (PosixException e)
        {
            return (127, Encoding.UTF8.GetBytes(e.Message));
        }
    }

    [GeneratedRegex(@"Version:\s*(\d+)\.(\d+)")]
    private static partial Regex VersionLine();
}
