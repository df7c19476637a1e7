using System.CommandLine;
using System.Globalization;
using RmwCkpt.Cli.Journals;
using RmwCkpt.Domain;
using RmwCkpt.Master.Server;

namespace RmwCkpt.Cli.Commands;

/// <summary>`rmw_ckpt journal ...`: what was said and heard. Reads the run folder; needs no master.</summary>
internal static class JournalCommands
{
    public static Command Make(CommonOptions common) =>
        new("journal", "what nodes published and took") { MakeList(common), MakeShow(common), JournalExport.Make(common), JournalVerify.Make(common) };

    private static Command MakeList(CommonOptions common)
    {
        var command = new Command("list", "the logs that are kept: who published how much on what");
        command.SetAction(parsed =>
        {
            var catalog = new LogCatalog(FolderOf(common, parsed));
            if (common.WantsJson(parsed))
            {
                Output.Json(writer =>
                {
                    writer.WriteStartArray();
                    foreach (var log in catalog.All)
                    {
                        writer.WriteStartObject();
                        writer.WriteString("topic", log.Topic);
                        writer.WriteString("kind", Kind(log));
                        writer.WriteString("type", log.Type);
                        writer.WriteString("node", log.Node);
                        writer.WriteNumber("messages", log.Messages);
                        writer.WriteNumber("bytes", log.Bytes);
                        writer.WriteString("gid", log.Gid.ToString());
                        writer.WriteEndObject();
                    }
                    writer.WriteEndArray();
                });
                return Done(catalog, catalog.All.Count());
            }
            var table = Output.Table("TOPIC", "BY", "KIND", "TYPE", "MESSAGES", "SIZE");
            foreach (var log in catalog.All)
            {
                table.AddRow(
                    Output.Cell(log.Topic), Output.Cell(log.Node), Kind(log), Output.Cell(log.Type), $"{log.Messages}",
                    Output.Bytes(log.Bytes));
            }
            Output.Print(table);
            return Done(catalog, catalog.All.Count());
        });
        return command;
    }

    private static Command MakeShow(CommonOptions common)
    {
        var what = new Argument<string>("what") { Description = "a node (relay, /ns/relay), a topic or a service (numbers, /ns/numbers)" };
        what.CompletionSources.Add(Completions.NodesAndTopics(common));
        var last = new Option<int>("--last") { Description = "only the last N lines (0: all)", DefaultValueFactory = _ => 50 };
        var command = new Command("show", "what a node took and published, or what was said on a topic and who took it") { what, last };
        command.SetAction(parsed =>
        {
            var folder = FolderOf(common, parsed);
            var catalog = new LogCatalog(folder);
            var lines = Find(folder, catalog, parsed.GetValue(what)!);
            var shown = parsed.GetValue(last) is > 0 and var n && n < lines.Count ? lines[^n..] : lines;
            if (common.WantsJson(parsed))
            {
                WriteJson(shown);
                return Done(catalog, shown.Count);
            }
            var table = Output.Table("TIME", "WHAT", "TOPIC", "PUBLISHED BY", "SEQUENCE", "MESSAGE");
            foreach (var line in shown)
            {
                table.AddRow(
                    Time(line.Time), Output.Cell(line.What), Output.Cell(line.Topic), Output.Cell(line.From), $"{line.Sequence}",
                    Output.Cell(line.Message));
            }
            Output.Print(table);
            if (shown.Count < lines.Count)
            {
                Console.Error.WriteLine($"({lines.Count - shown.Count} earlier lines: --last 0 shows all)");
            }
            return Done(catalog, shown.Count);
        });
        return command;
    }

    /// <summary>Names what is damaged; a failure only where that leaves nothing to show.</summary>
    public static int Done(LogCatalog catalog, int shown)
    {
        foreach (var what in catalog.Damaged)
        {
            Console.Error.WriteLine($"rmw_ckpt: left out, for it cannot be read: {what}");
        }
        return catalog.Damaged.Count > 0 && shown == 0 ? 1 : 0;
    }

    /// <summary>The run folder that is asked for, which is there.</summary>
    public static RunFolder FolderOf(CommonOptions common, ParseResult parsed) =>
        common.Folder(parsed) is var folder && Directory.Exists(folder.Run) ? folder : throw new CommandException(
            $"domain {folder.Domain} has no run folder ({folder.Run}): nothing has run there under RMW_IMPLEMENTATION=rmw_ckpt");

    private static List<JournalLine> Find(RunFolder folder, LogCatalog catalog, string what)
    {
        var reader = new JournalReader(folder, catalog);
        var topic = catalog.TopicOf(what);
        var processes = catalog.ProcessesOf(what);
        // A name without its slash is a node's before it is a topic's.
        if (topic is not null && (topic == what || processes.Length == 0))
        {
            return reader.OfTopic(topic);
        }
        if (processes.Length > 0)
        {
            return [.. processes.SelectMany(reader.OfProcess)];
        }
        foreach (var damaged in catalog.Damaged)
        {
            Console.Error.WriteLine($"rmw_ckpt: left out, for it cannot be read: {damaged}");
        }
        var names = catalog.All.SelectMany(l => new[] { l.Topic, l.Node });
        throw new CommandException(
            $"no node, topic or service '{what}' in domain {folder.Domain}{NearestNames.Hint(what, names)}");
    }

    private static void WriteJson(List<JournalLine> lines) => Output.Json(writer =>
    {
        writer.WriteStartArray();
        foreach (var line in lines)
        {
            writer.WriteStartObject();
            writer.WriteNumber("time", line.Time);
            writer.WriteString("what", line.What);
            writer.WriteString("topic", line.Topic);
            writer.WriteString("published_by", line.From);
            writer.WriteNumber("sequence", line.Sequence);
            writer.WriteString("message", line.Message);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    });

    public static string Kind(LogEntry log) => log.Kind switch
    {
        EntityKind.Client => "requests",
        EntityKind.Service => "replies",
        _ => "messages",
    };

    private static string Time(long nanoseconds) =>
        DateTime.UnixEpoch.AddTicks(nanoseconds / 100).ToLocalTime().ToString("HH:mm:ss.ffffff", CultureInfo.InvariantCulture);
}
