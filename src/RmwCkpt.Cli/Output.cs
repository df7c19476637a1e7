using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using RmwCkpt.Domain.Protocol;
using Spectre.Console;

namespace RmwCkpt.Cli;

/// <summary>How things are printed.</summary>
internal static class Output
{
    // For people and jq, not for HTML: an apostrophe stays one.
    private static readonly JsonWriterOptions s_json = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes one JSON value, indented, to standard output.</summary>
    public static void Json(Action<Utf8JsonWriter> write)
    {
        using var stream = Console.OpenStandardOutput();
        using (var writer = new Utf8JsonWriter(stream, s_json))
        {
            write(writer);
        }
        stream.WriteByte((byte)'\n');
    }

    public static TextTable Table(params string[] columns) => new(columns);

    /// <summary>Prints a table; into a file or a pipe each row whole.</summary>
    public static void Print(TextTable table)
    {
        foreach (var line in table.Lines(Console.IsOutputRedirected ? null : AnsiConsole.Profile.Width))
        {
            Line(line);
        }
    }

    /// <summary>Prints a line with marks such as [green], which a file or a pipe does not get.</summary>
    public static void Line(string markup)
    {
        if (Console.IsOutputRedirected)
        {
            Console.WriteLine(Markup.Remove(markup));
        }
        else
        {
            AnsiConsole.MarkupLine(markup);
        }
    }

    /// <summary>Text as part of a line: without marks of its own, and with nothing in it that breaks a line or tells a terminal something.</summary>
    public static string Cell(string text)
    {
        if (!text.Any(char.IsControl))
        {
            return Markup.Escape(text);
        }
        var plain = new StringBuilder();
        foreach (var c in text)
        {
            _ = c switch
            {
                '\n' => plain.Append("\\n"),
                '\r' => plain.Append("\\r"),
                '\t' => plain.Append("\\t"),
                _ when char.IsControl(c) => plain.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}"),
                _ => plain.Append(c),
            };
        }
        return Markup.Escape(plain.ToString());
    }

    /// <summary>"3.2 s ago"; a dash for never.</summary>
    public static string Ago(long nanoseconds)
    {
        if (nanoseconds == 0)
        {
            return "-";
        }
        var seconds = (DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds - (nanoseconds / 1e9);
        return seconds switch
        {
            < 60 => string.Create(CultureInfo.InvariantCulture, $"{seconds:F1} s ago"),
            < 7200 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:F0} min ago"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:F0} h ago"),
        };
    }

    public static string Milliseconds(long nanoseconds) =>
        nanoseconds == 0 ? "-" : string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1e6:F1} ms");

    public static string Bytes(double bytes) => bytes switch
    {
        < 1 << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024:F1} KiB"),
        < 1 << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1 << 20):F1} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1 << 30):F2} GiB"),
    };

    /// <summary>A process' nodes, or its command when it has none (yet).</summary>
    public static string Name(ProcessStatus status) => status.Nodes.Count > 0
        ? string.Join(", ", status.Nodes)
        : Text(status.Process.Command.FirstOrDefault() ?? $"process {status.Process.Process_:x16}");

    /// <summary>The master keeps arguments byte for byte, a character each: back to text.</summary>
    public static string Text(string latin) => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(latin));

    public static void Write(Utf8JsonWriter writer, string name, IEnumerable<string> values)
    {
        writer.WriteStartArray(name);
        foreach (var value in values)
        {
            writer.WriteStringValue(value);
        }
        writer.WriteEndArray();
    }

    public static void Write(Utf8JsonWriter writer, Checkpoint checkpoint)
    {
        writer.WriteStartObject();
        writer.WriteString("process", checkpoint.Process.ToString("x16", CultureInfo.InvariantCulture));
        Write(writer, "nodes", checkpoint.Nodes);
        writer.WriteNumber("number", checkpoint.Number);
        writer.WriteNumber("taken", checkpoint.Taken);
        writer.WriteNumber("frozen", checkpoint.Frozen);
        writer.WriteNumber("bytes", checkpoint.Bytes);
        writer.WriteNumber("journal_position", checkpoint.JournalPosition);
        writer.WriteBoolean("usable", checkpoint.Usable);
        writer.WriteString("note", checkpoint.Note);
        writer.WriteString("folder", checkpoint.Folder);
        writer.WriteEndObject();
    }
}
