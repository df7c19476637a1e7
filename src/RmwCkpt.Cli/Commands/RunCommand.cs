using System.CommandLine;
using System.Globalization;

namespace RmwCkpt.Cli.Commands;

/// <summary>`rmw_ckpt run --adopt PROCESS`: what a process becomes that was started in place of one that is brought back.</summary>
internal static class RunCommand
{
    public static Command Make(CommonOptions common)
    {
        var adopt = new Option<string>("--adopt") { Description = "the process to stand in for, hexadecimal", Required = true };
        var command = new Command("run", "stand in for a node that was brought back (for rmw_ckpt's own use)") { adopt };
        command.Hidden = true;
        command.Validators.Add(result =>
        {
            if (!TryParse(result.GetValue(adopt), out _))
            {
                result.AddError("--adopt takes a process' id, hexadecimal");
            }
        });
        command.SetAction(parsed =>
        {
            _ = TryParse(parsed.GetValue(adopt), out var process);
            return new Keeper(common.Folder(parsed), process).Run();
        });
        return command;
    }

    private static bool TryParse(string? text, out ulong process) =>
        ulong.TryParse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out process);
}
