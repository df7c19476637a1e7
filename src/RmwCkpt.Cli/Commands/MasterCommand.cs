using System.CommandLine;
using RmwCkpt.Master.Hosting;

namespace RmwCkpt.Cli.Commands;

/// <summary>`rmw_ckpt master`: runs the master. Nodes do this by themselves.</summary>
internal static class MasterCommand
{
    public static Command Make(CommonOptions common)
    {
        var descriptor = new Option<int>("--lock-fd")
        {
            Description = "descriptor of the domain's lock file, locked already (for rmw_ckpt's own use)",
            DefaultValueFactory = _ => -1,
        };
        var command = new Command("master", "run the master of a domain (nodes start one by themselves)") { descriptor };
        command.SetAction(parsed => MasterProgram.Run(
            parsed.GetValue(common.Domain), parsed.GetValue(descriptor), text => Console.Error.WriteLine($"rmw_ckpt: {text}")));
        return command;
    }
}
