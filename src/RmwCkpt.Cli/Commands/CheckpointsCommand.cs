using System.CommandLine;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Cli.Commands;

/// <summary>`rmw_ckpt checkpoints [NODE]`: what snapshots there are.</summary>
internal static class CheckpointsCommand
{
    public static Command Make(CommonOptions common)
    {
        var node = new Argument<string?>("node") { Description = "one node's only", Arity = ArgumentArity.ZeroOrOne };
        node.CompletionSources.Add(Completions.Nodes(common));
        var command = new Command("checkpoints", "the snapshots that are kept") { node };
        command.SetAction(parsed =>
        {
            var reply = MasterClient.Call(
                common.Folder(parsed),
                new Request { Checkpoints = new CheckpointsQuery { Node = parsed.GetValue(node) ?? "" } }, TimeSpan.FromSeconds(30));
            if (common.WantsJson(parsed))
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
                return 0;
            }
            var table = Output.Table("NODES", "NUMBER", "TAKEN", "FROZEN", "SIZE", "CELL", "USABLE", "FOLDER");
            foreach (var c in reply.Checkpoints)
            {
                table.AddRow(
                    Output.Cell(string.Join(", ", c.Nodes)), $"{c.Number}", Output.Ago(c.Taken), Output.Milliseconds(c.Frozen),
                    Output.Bytes(c.Bytes), $"{c.JournalPosition}", Output.Cell(c.Usable ? "yes" : $"no: {c.Note}"),
                    Output.Cell(c.Folder));
            }
            Output.Print(table);
            return 0;
        });
        return command;
    }
}
