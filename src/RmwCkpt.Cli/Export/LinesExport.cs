using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using RmwCkpt.Cli.Commands;
using RmwCkpt.Cli.Journals;

namespace RmwCkpt.Cli.Export;

/// <summary>
/// Messages as lines: each a JSON object, or a row of comma-separated values (RFC 4180) in which the message is JSON.
/// <code>
/// time          ns since the epoch
/// topic         with its slash; a service's name
/// kind          messages, requests, replies, events
/// type          package/msg/Type
/// published_by  the node; of events, which part of rmw_ckpt
/// sequence      from 1, without gaps, of one publisher
/// message       its fields; null where they cannot be read
/// error         why not, and only then
/// </code>
/// </summary>
internal sealed class LinesExport : IExport
{
    private static readonly string[] s_columns = ["time", "topic", "kind", "type", "published_by", "sequence", "message", "error"];

    // For people and jq, not for HTML: an apostrophe stays one.
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Stream _file;
    private readonly bool _isCsv;
    private readonly LogCatalog _catalog;
    private readonly ArrayBufferWriter<byte> _message = new();
    private readonly ArrayBufferWriter<byte> _line = new();
    private readonly Utf8JsonWriter _messageWriter;
    private readonly Utf8JsonWriter _lineWriter;
    private long _events;

    public LinesExport(Stream file, bool isCsv, LogCatalog catalog)
    {
        (_file, _isCsv, _catalog) = (file, isCsv, catalog);
        _messageWriter = new Utf8JsonWriter(_message, s_options);
        _lineWriter = new Utf8JsonWriter(_line, s_options);
        if (isCsv)
        {
            _file.Write(Encoding.UTF8.GetBytes(string.Join(',', s_columns) + "\r\n"));
        }
    }

    public void Add(in ExportedMessage message)
    {
        var log = message.Log;
        BeginMessage();
        var cdr = log.MessageIn(message.Payload.Span);
        var wrong = _catalog.TypeOf(log) is { } type
            ? MessageWalk.Through(type, log.Member, cdr, new MessageJson(_messageWriter))
            : $"{cdr.Length} bytes of {log.Type}, whose description is not known";
        Put(message.Time, log.Topic, JournalCommands.Kind(log), log.Type, log.Node, message.Sequence, wrong);
    }

    public void Add(in RunEvent happened)
    {
        BeginMessage();
        _messageWriter.WriteStartObject();
        _messageWriter.WriteNumber("level", (byte)happened.Severity);
        _messageWriter.WriteString("msg", happened.Text);
        _messageWriter.WriteEndObject();
        Put(happened.Time, RunEvent.Topic, "events", RunEvent.Type, happened.Source, ++_events, null);
    }

    public void Finish() => _file.Flush();

    public void Dispose()
    {
        _messageWriter.Dispose();
        _lineWriter.Dispose();
    }

    private void BeginMessage()
    {
        _message.ResetWrittenCount();
        _messageWriter.Reset();
    }

    private void Put(long time, string topic, string kind, string type, string node, long sequence, string? wrong)
    {
        if (wrong is null)
        {
            _messageWriter.Flush();
        }
        if (_isCsv)
        {
            var message = wrong is null ? Encoding.UTF8.GetString(_message.WrittenSpan) : "";
            string[] cells =
            [
                time.ToString(CultureInfo.InvariantCulture), topic, kind, type, node,
                sequence.ToString(CultureInfo.InvariantCulture), message, wrong ?? "",
            ];
            _file.Write(Encoding.UTF8.GetBytes(string.Join(',', cells.Select(Quoted)) + "\r\n"));
            return;
        }
        _line.ResetWrittenCount();
        _lineWriter.Reset();
        _lineWriter.WriteStartObject();
        _lineWriter.WriteNumber("time", time);
        _lineWriter.WriteString("topic", topic);
        _lineWriter.WriteString("kind", kind);
        _lineWriter.WriteString("type", type);
        _lineWriter.WriteString("published_by", node);
        _lineWriter.WriteNumber("sequence", sequence);
        _lineWriter.WritePropertyName("message");
        if (wrong is null)
        {
            _lineWriter.WriteRawValue(_message.WrittenSpan, skipInputValidation: true);
        }
        else
        {
            _lineWriter.WriteNullValue();
            _lineWriter.WriteString("error", wrong);
        }
        _lineWriter.WriteEndObject();
        _lineWriter.Flush();
        _file.Write(_line.WrittenSpan);
        _file.WriteByte((byte)'\n');
    }

    private static string Quoted(string cell) =>
        cell.AsSpan().IndexOfAny(",\"\r\n") < 0 ? cell : $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
