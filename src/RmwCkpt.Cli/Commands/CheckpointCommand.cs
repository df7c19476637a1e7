using System.CommandLine;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Cli.Commands;

/// <summary>`rmw_ckpt checkpoint [NODE...]`: snapshots now.</summary>
internal static class CheckpointCommand
{
    public static Command Make(CommonOptions common)
    {
        var nodes = new Argument<string[]>("node")
        {
            Description = "nodes (default: all)",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var command = new Command("checkpoint", "take a snapshot of nodes now") { nodes };
        command.SetAction(parsed =>
        {
            var json = common.WantsJson(parsed);
            var order = new CheckpointOrder();
            order.Nodes.AddRange(parsed.GetValue(nodes) ?? []);
            var reply = MasterClient.Call(
                common.Folder(parsed), new Request { Checkpoint = order }, TimeSpan.FromSeconds(60),
                json ? null : Console.WriteLine);
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
