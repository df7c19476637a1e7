using System.CommandLine;
using RmwCkpt.Cli.Journals;

namespace RmwCkpt.Cli.Commands;

/// <summary>`rmw_ckpt journal verify`: whether all that is kept is as it was written.</summary>
internal static class JournalVerify
{
    private const int Damaged = 1;

    public static Command Make(CommonOptions common)
    {
        var command = new Command("verify", "whether logs, journals and snapshots are as they were written; where not");
        command.SetAction(parsed =>
        {
            var check = new RunCheck(JournalCommands.FolderOf(common, parsed));
            check.Run();
            if (common.WantsJson(parsed))
            {
                WriteJson(check);
            }
            else
            {
                Print(check);
            }
            return check.Flaws.Count == 0 ? 0 : Damaged;
        });
        return command;
    }

    private static void Print(RunCheck check)
    {
        var table = Output.Table("WHAT", "CHECKED", "GOOD");
        foreach (var (what, count, good, unit) in check.Parts)
        {
            table.AddRow(what, $"{count}", unit == "bytes" ? Output.Bytes(good) : $"{good} {unit}");
        }
        Output.Print(table);
        foreach (var (place, what) in check.Flaws)
        {
            Output.Line($"[red]DAMAGED[/] {Output.Cell(place)}: {Output.Cell(what)}");
        }
    }

    private static void WriteJson(RunCheck check) => Output.Json(writer =>
    {
        writer.WriteStartObject();
        writer.WriteStartArray("checked");
        foreach (var (what, count, good, unit) in check.Parts)
        {
            writer.WriteStartObject();
            writer.WriteString("what", what);
            writer.WriteNumber("count", count);
            writer.WriteNumber("good", good);
            writer.WriteString("unit", unit);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteStartArray("damaged");
        foreach (var (place, what) in check.Flaws)
        {
            writer.WriteStartObject();
            writer.WriteString("place", place);
            writer.WriteString("what", what);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    });
}
