using RmwCkpt.Trial.Running;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace RmwCkpt.Trial.Showing;

/// <summary>Shows a trial while it runs: a table of the parties and what happened last.</summary>
public sealed class LiveView(IAnsiConsole console, TrialState state, TrialOptions options)
{
    private const int EventLines = 12;

    /// <summary>Runs the trial on a thread of its own and shows it until it is done.</summary>
    public TrialResult Watch(Func<TrialResult> run)
    {
        var trial = Task.Factory.StartNew(run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        console.Live(Picture()).AutoClear(false).Start(live =>
        {
            while (Task.WaitAny([trial], 100) < 0)
            {
                live.UpdateTarget(Picture());
            }
            live.UpdateTarget(Picture());
        });
        return trial.GetAwaiter().GetResult();
    }

    /// <summary>Lines as they come, for files and pipes.</summary>
    public TrialResult WatchPlainly(Func<TrialResult> run)
    {
        state.Said += line => console.Profile.Out.Writer.WriteLine(line);
        return run();
    }

    private Rows Picture()
    {
        var table = new Table().Border(TableBorder.Rounded).Title($"{options.Rate:G} messages/s, engine {Or(state.Engine, "?")}");
        table.AddColumns("node", "pid", "state", "last said");
        foreach (var name in new[] { "deaths", "silence", "back after", "replayed", "suppressed" })
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }
        foreach (var party in state.Parties())
        {
            table.AddRow(
                Text(party.Name, "bold"), Text($"{party.Pid}"), Text(party.State, party.State == "live" ? "green" : "red"),
                Text(party.LastSaid), Text($"{party.Deaths}", party.Deaths > 0 ? "yellow" : "default"), Text(Milliseconds(party.LastSilence)),
                Text(Milliseconds(party.LastLive)), Text(Count(party.Replayed)), Text(Count(party.Suppressed)));
        }
        return new Rows(new IRenderable[] { table }.Concat(state.Events(EventLines).Select(x => (IRenderable)Line(x))));
    }

    private static Text Line(string text) => new(
        text.ReplaceLineEndings(" | "),
        text.Contains("killed", StringComparison.Ordinal) || text.Contains("dies", StringComparison.Ordinal) ? new Style(Color.Red)
        : text.Contains("again", StringComparison.Ordinal) ? new Style(Color.Green) : Style.Plain)
    { Overflow = Overflow.Ellipsis };

    private static Markup Text(string text, string style = "default") => new($"[{style}]{Markup.Escape(text)}[/]");

    private static string Milliseconds(double? value) => value is { } ms ? $"{ms:F0} ms" : "";

    private static string Count(long value) => value == 0 ? "" : $"{value}";

    private static string Or(string text, string other) => text.Length > 0 ? text : other;
}
