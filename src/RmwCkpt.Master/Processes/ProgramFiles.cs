using System.Globalization;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Master.Processes;

/// <summary>
/// The files that say what a process' command does, as they were when it joined. What has changed since cannot replay its
/// journal: other code would be told what the former did.
/// </summary>
internal static class ProgramFiles
{
    private const string ParameterFile = "--params-file";
    private static readonly string[] s_libraries = ["/librmw_ckpt.so", "/libRmwCkpt.Core.so"];

    /// <summary>
    /// The executable, the script that it runs, parameter files, and this middleware: paths, each with what changes with its
    /// content.
    /// </summary>
    public static IEnumerable<KeyValuePair<string, string>> Of(ProcessFacts facts) =>
        Arguments(facts).Prepend(facts.Executable).Concat(Libraries(facts.Pid)).Where(x => x.StartsWith('/')).Distinct()
            .Select(x => (Path: x, Content: Content(x))).Where(x => x.Content.Length > 0)
            .Select(x => KeyValuePair.Create(x.Path, x.Content));

    /// <summary>One that has changed since the process joined; null: none.</summary>
    public static string? Changed(Process process) =>
        process.Program.Where(x => Content(x.Key) != x.Value).Select(x => x.Key).Order(StringComparer.Ordinal).FirstOrDefault();

    private static IEnumerable<string> Arguments(ProcessFacts facts)
    {
        if (!facts.Folder.StartsWith('/'))
        {
            yield break;
        }
        var script = facts.Command.Skip(1).FirstOrDefault(x => x.Length > 0 && x[0] != '-');
        if (script is not null && Path.GetFullPath(script, facts.Folder) is var path && IsProgram(path))
        {
            yield return path;
        }
        for (var i = 2; i < facts.Command.Count; i++)
        {
            if (facts.Command[i].Length > 0 && facts.Command[i - 1] == ParameterFile)
            {
                yield return Path.GetFullPath(facts.Command[i], facts.Folder);
            }
        }
    }

    /// <summary>Not what a program writes: that changes while it runs.</summary>
    private static bool IsProgram(string path) =>
        File.Exists(path) && (path.EndsWith(".py", StringComparison.Ordinal) || (File.GetUnixFileMode(path) & UnixFileMode.UserExecute) != 0);

    private static IEnumerable<string> Libraries(int pid)
    {
        try
        {
            return [.. File.ReadLines($"/proc/{pid}/maps")
                .Where(x => s_libraries.Any(end => x.EndsWith(end, StringComparison.Ordinal)))
                .Select(x => x[x.IndexOf('/', StringComparison.Ordinal)..])];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string Content(string path)
    {
        try
        {
            var file = new FileInfo(path);
            file = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
            return file.Exists
                ? string.Create(CultureInfo.InvariantCulture, $"{file.Length} {file.LastWriteTimeUtc.Ticks}") : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
