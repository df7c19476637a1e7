using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using RmwCkpt.Cli.Export;
using RmwCkpt.Cli.Journals;
using RmwCkpt.Domain;
using RmwCkpt.Master.Server;
using Spectre.Console;

namespace RmwCkpt.Cli.Commands;

/// <summary>`rmw_ckpt journal export`: what was said, and what happened, as a file that other programs read.</summary>
internal static class JournalExport
{
    public static Command Make(CommonOptions common)
    {
        var file = new Option<string?>("--output", "-o")
        {
            Description = "the file that is written, whole or not at all; --csv and --json need none, and print",
        };
        var csv = new Option<bool>("--csv") { Description = "comma-separated values, a row for each message; --json: a line for each" };
        var topics = new Option<TopicPattern?>("--topics")
        {
            Description = "only topics (and services) whose whole name this regular expression is; the first slash may be left out",
            CustomParser = TopicPattern.Parse,
        };
        var node = new Option<string?>("--node") { Description = "only what this node published, requested and replied" };
        topics.CompletionSources.Add(Completions.Topics(common));
        node.CompletionSources.Add(Completions.Nodes(common));
        var from = Moment("--from", "only what was said at or after this time");
        var to = Moment("--to", "only what was said at or before this time");
        var compression = new Option<McapCompression>("--compression")
        {
            Description = "lz4, zstd (smaller, takes three times as long) or none",
            CustomParser = ParseCompression,
            DefaultValueFactory = _ => McapCompression.Lz4,
        };
        var command = new Command("export", "what was said, as an MCAP file: for `ros2 bag`, Foxglove and others")
        {
            file, csv, topics, node, from, to, compression,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(csv) && result.GetValue(common.Json))
            {
                result.AddError("--csv and --json are two formats: take one");
            }
            else if (result.GetValue(file) is null && !result.GetValue(csv) && !result.GetValue(common.Json))
            {
                result.AddError("an MCAP file needs a name: -o FILE.mcap (--csv and --json print)");
            }
        });
        command.SetAction(parsed =>
        {
            var folder = JournalCommands.FolderOf(common, parsed);
            var catalog = new LogCatalog(folder);
            var logs = Choose(folder, catalog, parsed.GetValue(topics), parsed.GetValue(node));
            var period = new Period(parsed.GetValue(from) ?? long.MinValue, parsed.GetValue(to) ?? long.MaxValue);
            var run = new ExportRun(folder, catalog, logs, period);
            var isCsv = parsed.GetValue(csv);
            Run(run, catalog, parsed.GetValue(file), x => isCsv || common.WantsJson(parsed)
                ? new LinesExport(x, isCsv, catalog)
                : new McapExport(x, parsed.GetValue(compression), catalog, logs));
            return JournalCommands.Done(catalog, (int)Math.Min(run.Messages, int.MaxValue));
        });
        return command;
    }

    /// <summary>Exports, and says what there is to say: of a file how large it is, and of all what is missing.</summary>
    private static void Run(ExportRun run, LogCatalog catalog, string? path, Func<Stream, IExport> make)
    {
        if (path is null)
        {
            using var output = new BufferedStream(Console.OpenStandardOutput(), 1 << 16);
            Write(run, "standard output", () => make(output), work => work((_, _) => { }));
            TellMissing(run, catalog);
            return;
        }
        var watch = Stopwatch.StartNew();
        using var file = new OutputFile(path);
        Write(run, path, () => make(file.Stream), WithProgress);
        file.Finish();
        TellMissing(run, catalog);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{run.Messages} messages in {watch.Elapsed.TotalSeconds:F1} s: {path}, {Output.Bytes(file.Length)}"));
    }

    /// <exception cref="CommandException">It fails, or somebody stops it: what is written is no export.</exception>
    private static void Write(ExportRun run, string path, Func<IExport> make, Action<Action<Action<long, long>>> progress)
    {
        using var stop = new CancellationTokenSource();
        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }

        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var hungUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        try
        {
            using var export = make();
            progress(x => run.Write(export, x, stop.Token));
        }
        catch (OperationCanceledException)
        {
            throw new CommandException($"stopped: {path} is not written");
        }
        catch (IOException e)
        {
            throw new CommandException($"{path} is not written: {e.Message}");
        }
    }

    /// <summary>Says what is missing, and where the logs are damaged, if that is why.</summary>
    private static void TellMissing(ExportRun run, LogCatalog catalog)
    {
        foreach (var (_, what) in run.Missing)
        {
            Console.Error.WriteLine($"rmw_ckpt: {what}");
        }
        foreach (var log in run.Missing.Select(x => x.Log).Distinct())
        {
            try
            {
                foreach (var (place, what) in catalog.FlawsOf(log))
                {
                    Console.Error.WriteLine($"rmw_ckpt: damaged: {place}: {what}");
                }
            }
            catch (IOException)
            {
                // The log is gone.
            }
        }
    }

    private static void WithProgress(Action<Action<long, long>> work)
    {
        if (Console.IsErrorRedirected)
        {
            work((_, _) => { });
            return;
        }
        // Standard output is for what is said in the end.
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }).Progress().AutoClear(true).Start(context =>
        {
            var task = context.AddTask("messages");
            work((passed, all) =>
            {
                task.MaxValue = Math.Max(1, all);
                task.Value = passed;
            });
        });
    }

    private static List<LogEntry> Choose(RunFolder folder, LogCatalog catalog, TopicPattern? topics, string? node)
    {
        var all = catalog.All.ToList();
        if (node is not null && all.TrueForAll(x => !LogCatalog.IsNamed(x, node)))
        {
            throw new CommandException(
                $"no node '{node}' in domain {folder.Domain} has published anything{NearestNames.Hint(node, all.Select(x => x.Node))}");
        }
        var chosen = all.Where(x => node is null || LogCatalog.IsNamed(x, node)).ToList();
        if (topics is null)
        {
            return chosen;
        }
        var found = chosen.FindAll(x => topics.IsNameOf(x.Topic) || topics.IsNameOf(McapExport.TopicOf(x)));
        return found.Count > 0 ? found : throw new CommandException(
            $"no topic or service is named by '{topics.Text}'{NearestNames.Hint(topics.Text, chosen.Select(x => x.Topic))}");
    }

    private static McapCompression ParseCompression(ArgumentResult result)
    {
        switch (result.Tokens[0].Value)
        {
            case "zstd":
                return McapCompression.Zstd;
            case "lz4":
                return McapCompression.Lz4;
            case "none":
                return McapCompression.None;
            default:
                result.AddError($"--compression {result.Tokens[0].Value}: lz4, zstd and none are known");
                return default;
        }
    }

    private static Option<long?> Moment(string name, string description) => new(name)
    {
        Description = $"{description}: {Period.Times}",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (Period.ParseTime(text, DateTime.UtcNow) is { } time)
            {
                return time;
            }
            result.AddError($"{name} {text} is no time: {Period.Times} are");
            return null;
        },
    };
}
