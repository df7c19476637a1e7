using System.Text;
using RmwCkpt.Cli.Journals;
using RmwCkpt.Domain;

namespace RmwCkpt.Cli.Export;

/// <summary>
/// Messages as a bag has them that `ros2 bag record` made: MCAP of profile ros2, a channel for each topic and type. A service's
/// requests and replies are messages on two topics of their own, SERVICE/_request and SERVICE/_reply.
/// </summary>
internal sealed class McapExport : IExport
{
    private const string Definition = "ros2msg";
    private const string MessageEncoding = "cdr";

    /// <summary>Bytes of the largest message; with a chunk's other bytes, and compressed, it still has to fit into an array.</summary>
    private const int LargestMessage = 1 << 30;

    private readonly McapWriter _writer;
    private readonly Dictionary<Gid, ushort> _channels = [];
    private readonly ushort _events;
    private uint _eventCount;
    private ulong _lastEvent;

    public McapExport(Stream file, McapCompression compression, LogCatalog catalog, IReadOnlyCollection<LogEntry> logs)
    {
        _writer = new McapWriter(file, compression, "ros2", $"rmw_ckpt {Versions.Release}");
        var schemas = new Dictionary<(string, string), ushort>();
        foreach (var channel in logs.GroupBy(x => (Topic: TopicOf(x), x.Type, Hash: Convert.ToHexStringLower(x.TypeHash))))
        {
            var log = channel.First();
            var name = TypeOf(log, catalog);
            if (!schemas.TryGetValue((name, channel.Key.Hash), out var schema))
            {
                schemas[(name, channel.Key.Hash)] = schema = AddSchema(name, catalog.TypeOf(log));
            }
            var id = _writer.AddChannel(schema, channel.Key.Topic, MessageEncoding,
            [
                new("offered_qos_profiles", QosProfiles.Of(channel.Select(x => x.Qos))),
                new("topic_type_hash", log.Member is null ? HashOf(log.TypeHash) : ""),
                new("published_by", string.Join(", ", channel.Select(x => x.Node).Distinct())),
            ]);
            foreach (var member in channel)
            {
                _channels[member.Gid] = id;
            }
        }
        _events = _writer.AddChannel(
            _writer.AddSchema(RunEvent.Type, Definition, Encoding.UTF8.GetBytes(RunEvent.Definition)), RunEvent.Topic, MessageEncoding,
            [new("offered_qos_profiles", QosProfiles.Of([Qos.Default])), new("topic_type_hash", ""), new("published_by", "rmw_ckpt")]);
    }

    public void Add(in ExportedMessage message)
    {
        var data = message.Log.MessageIn(message.Payload.Span);
        if (data.Length > LargestMessage)
        {
            Add(new RunEvent(
                message.Time, Severity.Error, "export",
                $"message {message.Sequence} of {message.Log.Node} on {TopicOf(message.Log)} is left out: it has {data.Length} bytes"));
            return;
        }
        _writer.AddMessage(
            _channels[message.Log.Gid], (uint)message.Sequence, (ulong)Math.Max(0, message.Place), (ulong)Math.Max(0, message.Time), data);
    }

    public void Add(in RunEvent happened)
    {
        var time = (ulong)Math.Max(0, happened.Time);
        _lastEvent = Math.Max(time, _lastEvent + 1);
        _writer.AddMessage(_events, ++_eventCount, _lastEvent, time, happened.ToCdr());
    }

    public void Finish() => _writer.Finish();

    public void Dispose() => _writer.Dispose();

    /// <summary>The topic that a log's messages are on.</summary>
    public static string TopicOf(LogEntry log) => log.Kind switch
    {
        EntityKind.Client => log.Topic + "/_request",
        EntityKind.Service => log.Topic + "/_reply",
        _ => log.Topic,
    };

    private static string TypeOf(LogEntry log, LogCatalog catalog) =>
        log.Member is null ? log.Type
        : catalog.TypeOf(log)?.NameOf(log.Member) ?? log.Type + (log.Kind == EntityKind.Client ? "_Request" : "_Response");

    private ushort AddSchema(string name, TypeDescription? type)
    {
        var definition = type is null ? null : MessageDefinition.Of(type, name);
        return _writer.AddSchema(name, definition is null ? "" : Definition, Encoding.UTF8.GetBytes(definition ?? ""));
    }

    /// <summary>A hash as ROS writes it: its version, and 32 bytes.</summary>
    private static string HashOf(byte[] hash) =>
        hash.Length > 1 && hash[0] == 1 ? $"RIHS01_{Convert.ToHexStringLower(hash, 1, hash.Length - 1)}" : "";
}
