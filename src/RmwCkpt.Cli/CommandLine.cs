using System.CommandLine;
using System.CommandLine.Help;
using RmwCkpt.Cli.Commands;
using RmwCkpt.Domain;

namespace RmwCkpt.Cli;

/// <summary>A command that cannot do what it was asked; the message says what to do.</summary>
internal sealed class CommandException(string message) : Exception(message);

/// <summary>The command line: what all commands share, and the list of them.</summary>
internal static class CommandLine
{
    private const int Failed = 1;
    private const int Usage = 2;

    /// <summary>Every command; each adds itself to the root.</summary>
    private static readonly Func<CommonOptions, Command>[] s_commands =
    [
        StatusCommand.Make, CheckpointCommand.Make, CheckpointsCommand.Make, OrderCommands.Recover,
        OrderCommands.Stop, OrderCommands.Forget, TogetherCommands.MakeKill, TogetherCommands.MakeRestart,
        CoordinatorCommand.Make, MasterCommand.Make, DoctorCommand.Make, JournalCommands.Make,
        RunCommand.Make, MetricsCommand.Make,
    ];

    public static int Run(string[] args)
    {
        var common = new CommonOptions();
        var root = new RootCommand("Nodes under rmw_ckpt: how they are, their snapshots, their recovery.")
        {
            common.Domain,
            common.Json,
        };
        foreach (var help in root.Options.OfType<HelpOption>())
        {
            // Here these are names of nodes and topics, and would be completed among them.
            help.Aliases.Remove("/h");
            help.Aliases.Remove("/?");
        }
        foreach (var make in s_commands)
        {
            root.Add(make(common));
        }
        var parsed = root.Parse(args);
        // What is completed is not whole yet.
        if (parsed.Errors.Count > 0 && args is not [['[', ..], ..])
        {
            foreach (var error in parsed.Errors)
            {
                Console.Error.WriteLine($"rmw_ckpt: {error.Message}");
            }
            Console.Error.WriteLine($"rmw_ckpt: try `rmw_ckpt {(parsed.CommandResult.Command is RootCommand ? "" : parsed.CommandResult.Command.Name + " ")}--help`");
            return Usage;
        }
        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (Exception e) when (e is CommandException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"rmw_ckpt: {e.Message}");
            return Failed;
        }
    }
}

/// <summary>The options that all commands have.</summary>
internal sealed class CommonOptions
{
    public Option<int> Domain { get; } = new("--domain")
    {
        Description = "ROS domain (default: ROS_DOMAIN_ID, else 0)",
        DefaultValueFactory = result =>
        {
            var settings = Settings.OfProcess;
            var domain = settings.Value(Settings.RosDomain) ?? 0;
            foreach (var complaint in settings.Complaints)
            {
                result.AddError(complaint);
            }
            return domain;
        },
        Recursive = true,
    };

    public Option<bool> Json { get; } = new("--json") { Description = "print JSON", Recursive = true };

    /// <summary>The run folder of the chosen domain.</summary>
    public RunFolder Folder(ParseResult parsed) => RunFolder.For(parsed.GetValue(Domain));

    public bool WantsJson(ParseResult parsed) => parsed.GetValue(Json);
}
