using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using RmwCkpt.Trial.Judging;
using RmwCkpt.Trial.Running;
using Spectre.Console;

namespace RmwCkpt.Trial.Showing;

/// <summary>A trial's result, for people and for programs.</summary>
public static class Report
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true, Converters = { new JsonStringEnumConverter() },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static void Write(IAnsiConsole console, TrialOptions options, TrialResult result)
    {
        var deaths = result.Deaths;
        if (result.MasterLog.Length > 0)
        {
            console.Profile.Out.Writer.WriteLine($"the master's log ends with\n{result.MasterLog}");
        }
        Table(console, ["witness", "lines", "heard", "missed", "repeated", "reordered", "wrong sums", "written again", "deaths"],
        [
            Row("counter", result.Counter, Victim.Counter), Row("relay", result.Relay, Victim.Relay),
            Row("watcher", result.Watcher, Victim.Watcher),
        ]);
        var lives = deaths.Where(x => x.LiveAt > 0 && x.How != "SIGSTOP").ToList();
        if (lives.Count > 0)
        {
            Table(console, ["killed", "times", "silence p50", "p99", "max", "back after p50", "p99", "max", "replayed", "suppressed"],
                [.. lives.Zip(result.Silences).GroupBy(x => x.First.Victim).OrderByDescending(x => x.Key).Select(Times)]);
        }
        console.Profile.Out.Writer.WriteLine(
            $"counter {result.Counter.Highest}, would have been {result.Offset.Expected:F1} ({result.Offset.Offset:+0.0;-0.0} ticks, "
            + $"{result.Offset.ByDeaths:+0.0;-0.0;0} by deaths, {result.Offset.BySnapshots:+0.0;-0.0;0} by snapshots; time withheld for "
            + $"{result.Offset.Withheld:F1}, {result.Offset.WithheldInWindows:F1} of them in those); "
            + $"divergences {result.Counts.Divergences}, lost {result.Counts.Lost}; engine {result.Engine}, recoveries by engine: "
            + $"{string.Join(", ", result.Recoveries.Select(x => $"{x.Key} {x.Value}"))}; seed {options.Seed}; {result.Seconds:F1} s");
        console.Profile.Out.Writer.WriteLine($"VERDICT: {(result.Verdict.Ok ? "ok" : "failed")} — {result.Verdict.Text}");

        string[] Row(string name, Tally tally, Victim victim) =>
        [
            name, $"{tally.Lines}", $"{tally.Heard}", $"{tally.Missed}", $"{tally.Repeated}", $"{tally.Reordered}", $"{tally.WrongSums}",
            $"{tally.Rewritten}", $"{deaths.Where(x => x.Victim == victim).Sum(x => x.Times)}",
        ];
    }

    public static string Json(TrialOptions options, TrialResult result)
    {
        var back = result.Deaths.Where(x => x.LiveAt > 0 && x.How != "SIGSTOP").Select(x => x.Milliseconds).ToList();
        return JsonSerializer.Serialize(
            new
            {
                ok = result.Verdict.Ok,
                verdict = result.Verdict.Text,
                options,
                engine = result.Engine,
                seconds = result.Seconds,
                kills = result.Deaths.Sum(x => x.Times),
                recoveries = result.Recoveries,
                silence = Percentiles(result.Silences),
                backAfter = Percentiles(back),
                replayed = result.Counts.Replayed,
                suppressed = result.Counts.Suppressed,
                divergences = result.Counts.Divergences,
                lost = result.Counts.Lost,
                counterOffset = result.Offset,
                counter = result.Counter,
                relay = result.Relay,
                watcher = result.Watcher,
                deaths = result.Deaths.Select(x => new
                {
                    victim = x.Victim.ToString(), x.Pid, x.NewPid, x.How, x.Times, x.Milliseconds, x.Counts.Replayed, x.Counts.Suppressed,
                    x.Counts.Divergences, x.Trouble,
                }),
            },
            s_json);

        static object Percentiles(IReadOnlyList<double> values) => new
        {
            p50 = Silence.Percentile(values, 0.5), p99 = Silence.Percentile(values, 0.99), max = Silence.Percentile(values, 1),
        };
    }

    private static string[] Times(IGrouping<Victim, (Death Death, double Silence)> deaths)
    {
        var silences = deaths.Select(x => x.Silence).ToList();
        var back = deaths.Select(x => x.Death.Milliseconds).ToList();
        return
        [
            deaths.Key.ToString().ToLowerInvariant(), $"{deaths.Sum(x => x.Death.Times)}",
            .. new[] { 0.5, 0.99, 1 }.Select(x => $"{Silence.Percentile(silences, x):F0} ms"),
            .. new[] { 0.5, 0.99, 1 }.Select(x => $"{Silence.Percentile(back, x):F0} ms"),
            $"{deaths.Sum(x => x.Death.Counts.Replayed)}", $"{deaths.Sum(x => x.Death.Counts.Suppressed)}",
        ];
    }

    private static void Table(IAnsiConsole console, string[] columns, string[][] rows)
    {
        var table = new Table().Border(TableBorder.Rounded);
        table.AddColumn(columns[0]);
        foreach (var name in columns.Skip(1))
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }
        foreach (var row in rows)
        {
            table.AddRow(row.Select(Markup.Escape).ToArray());
        }
        console.Write(table);
    }
}
