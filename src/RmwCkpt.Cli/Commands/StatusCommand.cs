using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using Status = RmwCkpt.Domain.Protocol.Status;

namespace RmwCkpt.Cli.Commands;

/// <summary>`rmw_ckpt status`: the master and every process.</summary>
internal static class StatusCommand
{
    public static Command Make(CommonOptions common)
    {
        var command = new Command("status", "the master, the nodes, and how they are");
        command.SetAction(parsed =>
        {
            var reply = MasterClient.Call(
                common.Folder(parsed), new Request { Status = new StatusQuery() }, TimeSpan.FromSeconds(10));
            if (common.WantsJson(parsed))
            {
                Output.Json(writer => Write(writer, reply.Status));
            }
            else
            {
                Print(reply.Status);
            }
            return 0;
        });
        return command;
    }

    private static void Print(Status status)
    {
        Console.WriteLine($"domain {status.Domain}: master {status.MasterPid} since {Output.Ago(status.MasterSince)[..^4]}, "
            + $"engine {status.Engine} ({status.EngineWhy})");
        Console.WriteLine($"logs {Output.Bytes(status.LogBytes)}, graph version {status.GraphVersion}");
        Console.WriteLine($"memory: {ByteSize.Show(status.MemoryUsed)} of {ByteSize.Show(status.MemoryBudget)} in use "
            + $"({ByteSize.Show(status.MemoryFree)} free in its file system)");
        if (status.MemoryNote.Length > 0)
        {
            Console.WriteLine($"NOTE: {status.MemoryNote}");
        }
        foreach (var note in status.Notes)
        {
            Console.WriteLine($"NOTE: {note}");
        }
        var table = Output.Table("NODES", "PID", "STATE", "INCARNATION", "ENDPOINTS", "LAST SNAPSHOT", "RECOVERIES", "LAST SILENCE", "NOTE");
        foreach (var p in status.Processes.OrderBy(Output.Name, StringComparer.Ordinal))
        {
            table.AddRow(
                Output.Cell(Output.Name(p)), $"{p.Process.Pid}", State(p.State), $"{p.Process.Incarnation}", $"{p.Endpoints}",
                Output.Ago(p.LastCheckpoint), $"{p.Process.Recoveries}", Output.Milliseconds(p.LastSilence), Output.Cell(p.Note));
        }
        Output.Print(table);
    }

    /// <summary>What holds for a process; null where it is for rmw_ckpt to say.</summary>
    private static void Write(Utf8JsonWriter writer, Policy policy)
    {
        writer.WriteStartObject("policy");
        writer.WriteString("recover", policy.Recover.ToString().ToLowerInvariant());
        writer.WriteString("engine", policy.Engine.ToString().ToLowerInvariant());
        WriteNumber("interval", policy.HasInterval && policy.Interval >= 0 ? policy.Interval : null);
        WriteNumber("goal", policy.HasGoal ? policy.Goal : null);
        writer.WriteString("poison", policy.Poison.ToString().ToLowerInvariant());
        writer.WriteEndObject();

        void WriteNumber(string name, double? value)
        {
            if (value is { } number)
            {
                writer.WriteNumber(name, number);
            }
            else
            {
                writer.WriteNull(name);
            }
        }
    }

    private static string State(string state) => state switch
    {
        "live" => "[green]live[/]",
        "final" => "[red]final[/]",
        "left" => "[grey]left[/]",
        _ => $"[yellow]{state}[/]",
    };

    private static void Write(Utf8JsonWriter writer, Status status)
    {
        writer.WriteStartObject();
        writer.WriteNumber("domain", status.Domain);
        writer.WriteNumber("master_pid", status.MasterPid);
        writer.WriteNumber("master_since", status.MasterSince);
        writer.WriteString("engine", status.Engine);
        writer.WriteString("engine_why", status.EngineWhy);
        writer.WriteNumber("graph_version", status.GraphVersion);
        writer.WriteNumber("log_bytes", status.LogBytes);
        writer.WriteNumber("memory_used", status.MemoryUsed);
        writer.WriteNumber("memory_budget", status.MemoryBudget);
        writer.WriteNumber("memory_free", status.MemoryFree);
        writer.WriteString("memory_note", status.MemoryNote);
        Output.Write(writer, "notes", status.Notes);
        writer.WriteStartArray("processes");
        foreach (var p in status.Processes)
        {
            writer.WriteStartObject();
            writer.WriteString("process", p.Process.Process_.ToString("x16", CultureInfo.InvariantCulture));
            Output.Write(writer, "nodes", p.Nodes);
            writer.WriteNumber("pid", p.Process.Pid);
            writer.WriteNumber("slot", p.Process.Slot);
            writer.WriteString("state", p.State);
            writer.WriteNumber("incarnation", p.Process.Incarnation);
            writer.WriteNumber("endpoints", p.Endpoints);
            writer.WriteNumber("recoveries", p.Process.Recoveries);
            writer.WriteNumber("deaths_here", p.Process.Deaths);
            writer.WriteNumber("last_checkpoint", p.LastCheckpoint);
            writer.WriteNumber("last_silence", p.LastSilence);
            writer.WriteNumber("caught_up", p.CaughtUp);
            writer.WriteString("note", p.Note);
            writer.WriteString("engine", p.Engine);
            Write(writer, p.Policy);
            Output.Write(writer, "outputs", p.Outputs);
            Output.Write(writer, "command", p.Process.Command.Select(Output.Text));
            writer.WriteString("folder", p.Process.Folder);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
