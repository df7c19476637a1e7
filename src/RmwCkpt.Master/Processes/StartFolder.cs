using System.Text;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Master.Processes;

/// <summary>
/// Where a command is to be started again. The folder that it was started in cannot be had from the kernel once the program
/// has gone to another; but its arguments tell: where they are relative, the files that they name are there.
/// </summary>
public static class StartFolder
{
    /// <summary>Of the folders that it may have been started in, the one with most files that its arguments name.</summary>
    public static string Of(Process process)
    {
        // The one where it joined first: it counts where there is nothing to tell them apart by.
        string[] folders =
        [
            process.WorkingFolder,
            .. process.Environment.Where(x => x.StartsWith("PWD=", StringComparison.Ordinal)).Select(x => Text(x[4..])),
        ];
        // The first is the program's name, which was looked for in PATH.
        var names = process.Command.Skip(process.Command.FirstOrDefault("").Contains('/') ? 0 : 1)
            .Select(Text).SelectMany(Names).Where(x => !Path.IsPathRooted(x)).Distinct().ToList();
        return folders.Where(Directory.Exists).MaxBy(x => names.Count(n => Path.Exists(Path.Combine(x, n))))
            ?? "/";
    }

    /// <summary>What was read with a character for each byte.</summary>
    private static string Text(string bytes) => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(bytes));

    /// <summary>What of an argument may be a path: all, or what is behind `=` as in --file=NAME and `:=` as in name:=VALUE.</summary>
    private static IEnumerable<string> Names(string argument)
    {
        if (argument.Length > 0 && argument[0] != '-')
        {
            yield return argument;
        }
        if (argument.IndexOf('=') is > 0 and var at && at < argument.Length - 1)
        {
            yield return argument[(at + 1)..];
        }
    }
}
