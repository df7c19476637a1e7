using System.CommandLine;
using RmwCkpt.Registry.Protocol;

namespace RmwCkpt.Cli.Commands;

/// <summary>`rmw_ckpt recover NODE`: from its newest snapshot, now; also one that stays down.</summary>
internal static class RecoverCommand
{
    public static Command Make(CommonOptions common)
    {
        var node = new Argument<string>("node") { Description = "the node; it is killed if it lives" };
        var command = new Command("recover", "recover a node from its newest snapshot, even one that stays down") { node };
        command.SetAction(parsed =>
        {
            var name = parsed.GetRequiredValue(node);
            MasterClient.Call(
                common.Folder(parsed), new Request { Recover = new RecoverOrder { Node = name } }, TimeSpan.FromMinutes(10));
            if (common.WantsJson(parsed))
            {
                Output.Json(writer =>
                {
                    writer.WriteStartObject();
                    writer.WriteString("recovered", name);
                    writer.WriteEndObject();
                });
            }
            else
            {
                Console.WriteLine($"{name} is live");
            }
            return 0;
        });
        return command;
    }
}
