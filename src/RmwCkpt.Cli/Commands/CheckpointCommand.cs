using System.CommandLine;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Cli.Commands;

/// <summary>`rmw_ckpt checkpoint [NODE...]`: snapshots now.</summary>
internal static class CheckpointCommand
{
    /// <summary>Takes snapshots of these nodes, or of all if there are none.</summary>
    /// <exception cref="CommandException">Of one of them it could not be taken, or there is no master.</exception>
    public static Reply Take(RunFolder folder, IReadOnlyList<string> nodes, Action<string>? say)
    {
        var order = new CheckpointOrder();
        order.Nodes.AddRange(nodes);
        return MasterClient.Call(folder, new Request { Checkpoint = order }, TimeSpan.FromSeconds(60), say);
    }

    public static Command Make(CommonOptions common)
    {
        var nodes = new Argument<string[]>("node")
        {
            Description = "nodes (default: all)",
            Arity = ArgumentArity.ZeroOrMore,
        };
        nodes.CompletionSources.Add(Completions.Nodes(common));
        var command = new Command("checkpoint", "take a snapshot of nodes now") { nodes };
        command.SetAction(parsed =>
        {
            var json = common.WantsJson(parsed);
            var reply = Take(common.Folder(parsed), parsed.GetValue(nodes) ?? [], json ? null : Console.WriteLine);
            if (json)
            {
                Output.Json(writer =>
                {
                    writer.WriteStartArray();
                    foreach (var checkpoint in reply.Checkpoints)
                    {
                        Output.Write(writer, checkpoint);
                    }
                    writer.WriteEndArray();
                });
            }
            else if (reply.Checkpoints.Count == 0)
            {
                Console.WriteLine("there are no nodes");
            }
            return 0;
        });
        return command;
    }
}
