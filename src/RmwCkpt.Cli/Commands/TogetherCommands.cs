using System.CommandLine;
using System.Text.Json;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Memory;

namespace RmwCkpt.Cli.Commands;

/// <summary>`rmw_ckpt kill` and `rmw_ckpt restart`: all nodes of a domain at once.</summary>
internal static class TogetherCommands
{
    public static Command MakeKill(CommonOptions common) => Make(
        common, "kill", "kill all nodes of the domain: nothing is brought back until `rmw_ckpt restart`, or until it is started anew", Kill);

    public static Command MakeRestart(CommonOptions common) => Make(
        common, "restart", "bring back all nodes that `rmw_ckpt kill` has killed, as they were", Restart);

    /// <param name="say">Told of each as it is done; what failed: of standard error.</param>
    /// <exception cref="CommandException">There is no master to be had.</exception>
    public static IReadOnlyList<Outcome> Kill(RunFolder folder, Action<string> say) =>
        Order(folder, order => new Request { Kill = order }, say).Outcomes;

    /// <inheritdoc cref="Kill"/>
    public static IReadOnlyList<Outcome> Restart(RunFolder folder, Action<string> say) =>
        Order(folder, order => new Request { Restart = order }, say).Outcomes;

    /// <summary>Says where there were none. The exit status: 0, or 1 where one of them failed.</summary>
    public static int Report(IReadOnlyList<Outcome> outcomes)
    {
        if (outcomes.Count == 0)
        {
            Console.WriteLine("there are none");
        }
        return StatusOf(outcomes);
    }

    private static int StatusOf(IReadOnlyList<Outcome> outcomes) => outcomes.All(x => x.Done) ? 0 : 1;

    private static Reply Order(RunFolder folder, Func<TogetherOrder, Request> request, Action<string> say)
    {
        var order = new TogetherOrder { Number = Posix.Now(Posix.MonotonicClock) + HostClock.ReadMonotonicOffset() };
        var said = new HashSet<string>();
        return MasterClient.CallThrough(
            folder, request(order), TimeSpan.FromMinutes(15),
            line =>
            {
                // The next master says again what the one before has said.
                if (said.Add(line))
                {
                    say(line);
                }
            });
    }

    private static Command Make(CommonOptions common, string name, string description, Func<RunFolder, Action<string>, IReadOnlyList<Outcome>> act)
    {
        var command = new Command(name, description);
        command.SetAction(parsed =>
        {
            var json = common.WantsJson(parsed);
            var outcomes = act(common.Folder(parsed), json ? _ => { } : Console.WriteLine);
            if (!json)
            {
                return Report(outcomes);
            }
            Output.Json(writer => Write(writer, outcomes));
            return StatusOf(outcomes);
        });
        return command;
    }

    private static void Write(Utf8JsonWriter writer, IReadOnlyList<Outcome> outcomes)
    {
        writer.WriteStartArray();
        foreach (var outcome in outcomes)
        {
            writer.WriteStartObject();
            writer.WriteString("name", outcome.Name);
            writer.WriteBoolean("done", outcome.Done);
            writer.WriteString("how", outcome.How);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }
}
