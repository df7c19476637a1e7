using System.CommandLine;

namespace RmwCkpt.Cli.Commands;

/// <summary>`rmw_ckpt coordinator`: a console over all nodes of a domain.</summary>
internal static class CoordinatorCommand
{
    public static Command Make(CommonOptions common)
    {
        var interval = new Option<double>("--interval")
        {
            Description = "seconds between two checkpoints of all (default: none are taken unasked)",
            CustomParser = result =>
            {
                if (Coordinator.ParseInterval(result.Tokens[0].Value) is { } seconds)
                {
                    return seconds;
                }
                result.AddError($"--interval {result.Tokens[0].Value}: it takes seconds, 0 for none");
                return 0;
            },
        };
        var line = new Option<string?>("--command") { Description = "obey this one, as c, k, r, l or s, and end with its exit status" };
        var command = new Command("coordinator", "a console over all nodes of the domain; its commands:\n" + Coordinator.Commands)
        {
            interval,
            line,
        };
        command.SetAction(parsed =>
        {
            var coordinator = new Coordinator(common.Folder(parsed), parsed.GetValue(interval));
            if (parsed.GetValue(line) is { } one)
            {
                return coordinator.Obey(one);
            }
            var isTerminal = !Console.IsInputRedirected && !Console.IsOutputRedirected;
            coordinator.Run(Console.OpenStandardInput(), isTerminal);
            return 0;
        });
        return command;
    }
}
