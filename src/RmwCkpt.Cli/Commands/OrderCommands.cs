using System.CommandLine;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Cli.Commands;

/// <summary>`rmw_ckpt recover`, `stop` and `forget`, each with `NODE...` or `--all`.</summary>
internal static class OrderCommands
{
    public static Command Recover(CommonOptions common) => Make(
        common, "recover", "bring nodes back from their newest snapshots: they are killed if they live; also those that stay down",
        "all that stay down", order => new Request { Recover = order }, "recovered");

    public static Command Stop(CommonOptions common) => Make(
        common, "stop", "end nodes for good: SIGINT, after 5 s SIGTERM, after 5 more SIGKILL; also those that come back or stay down",
        "all but command-line tools", order => new Request { End = order }, "stopped");

    public static Command Forget(CommonOptions common) => Make(
        common, "forget", "drop what is kept of nodes that stay down", "all that stay down",
        order => new Request { Forget = order }, "forgotten");

    /// <param name="all">Whom --all means.</param>
    /// <param name="done">The name of the JSON array of those to whom it was done.</param>
    private static Command Make(
        CommonOptions common, string name, string description, string all, Func<NodesOrder, Request> request, string done)
    {
        var nodes = new Argument<string[]>("node") { Description = "nodes", Arity = ArgumentArity.ZeroOrMore };
        nodes.CompletionSources.Add(Completions.Nodes(common));
        var allOption = new Option<bool>("--all") { Description = all };
        var command = new Command(name, description) { nodes, allOption };
        command.Validators.Add(result =>
        {
            if (result.GetValue(allOption) == (result.GetValue(nodes) is { Length: > 0 }))
            {
                result.AddError("name nodes, or say --all");
            }
        });
        command.SetAction(parsed =>
        {
            var order = new NodesOrder { All = parsed.GetValue(allOption) };
            order.Nodes.AddRange(parsed.GetValue(nodes) ?? []);
            var json = common.WantsJson(parsed);
            var folder = common.Folder(parsed);
            MasterClient.SeeToMaster(folder);
            var reply = MasterClient.Call(
                folder, request(order), TimeSpan.FromMinutes(10), json ? null : Console.WriteLine);
            if (json)
            {
                Output.Json(writer =>
                {
                    writer.WriteStartObject();
                    Output.Write(writer, done, reply.Done);
                    writer.WriteEndObject();
                });
            }
            else if (reply.Done.Count == 0)
            {
                Console.WriteLine("there are none");
            }
            return 0;
        });
        return command;
    }
}
