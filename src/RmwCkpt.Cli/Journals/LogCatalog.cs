using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Messages;

namespace RmwCkpt.Cli.Journals;

/// <summary>One log, as its head tells it.</summary>
public sealed record LogEntry(
    Gid Gid, EntityKind Kind, string Topic, string Type, string Node, byte[] TypeHash, Qos Qos, long Messages, long Bytes, long Created)
{
    /// <summary>Which field of a service's description its messages are; null: they are of the type itself.</summary>
    public string? Member => Kind switch
    {
        EntityKind.Client => "request_message",
        EntityKind.Service => "response_message",
        _ => null,
    };

    /// <summary>A frame's payload without what is before the message in it.</summary>
    public ReadOnlySpan<byte> MessageIn(ReadOnlySpan<byte> payload) =>
        Kind == EntityKind.Service && payload.Length >= RequestId.Size ? payload[RequestId.Size..] : payload;
}

/// <summary>
/// All logs of a run folder, read without the master: they tell who they are. What is damaged is left out, and named.
/// </summary>
public sealed class LogCatalog
{
    private readonly List<string> _damaged = [];
    private readonly RunFolder _folder;
    private readonly Dictionary<Gid, LogEntry> _logs = [];
    private readonly Dictionary<TrustedPath, TypeDescription?> _types = [];

    public LogCatalog(RunFolder folder)
    {
        _folder = folder;
        foreach (var path in folder.Logs.Children(folders: true))
        {
            try
            {
                using var head = LogHead.Open(path);
                var entry = new LogEntry(
                    EndpointHead.Gid(head), EndpointHead.Kind(head), EndpointHead.Name(head), EndpointHead.Type(head),
                    EndpointHead.Node(head), EndpointHead.TypeHash(head).ToArray(), EndpointHead.Qos(head),
                    head.TailSequence, head.Bytes, EndpointHead.Created(head));
                _logs[entry.Gid] = entry;
            }
            catch (IOException)
            {
                // Being made, or being swept away.
            }
            catch (InvalidDataException e)
            {
                NoteDamaged(e.Message);
            }
        }
    }

    /// <summary>What could not be read, and why; what has been shown so far lacks it.</summary>
    public IReadOnlyList<string> Damaged => _damaged;

    public void NoteDamaged(string what)
    {
        if (!_damaged.Contains(what))
        {
            _damaged.Add(what);
        }
    }

    public IEnumerable<LogEntry> All => _logs.Values.OrderBy(l => l.Topic, StringComparer.Ordinal).ThenBy(l => l.Created);

    /// <summary>The topic or service of this name, which need not have its leading slash; null: there is none.</summary>
    public string? TopicOf(string name) =>
        _logs.Values.Select(l => l.Topic).FirstOrDefault(x => x == name || (x.StartsWith('/') && x.AsSpan(1).SequenceEqual(name)));

    public LogEntry? Find(Gid gid) => _logs.GetValueOrDefault(gid);

    /// <summary>The processes that have (had) a node of this name: "/relay" or "relay".</summary>
    public ulong[] ProcessesOf(string node) =>
    [
        .. _logs.Values.Where(l => IsNamed(l, node))
            .Select(l => l.Gid.Process).Distinct().Order(),
    ];

    /// <summary>Whether a log is of a node of this name: "/relay" or "relay".</summary>
    public static bool IsNamed(LogEntry log, string node) => log.Node == node || log.Node.TrimStart('/') == node.TrimStart('/');

    public LogReader Open(Gid gid) => LogReader.Open(_folder.Log(gid));

    /// <summary>Where a log is not as it was written.</summary>
    public IReadOnlyList<Flaw> FlawsOf(LogEntry log) => LogCheck.Of(_folder.Log(log.Gid)).Flaws;

    /// <summary>A frame's fields, by the type description kept in the run folder.</summary>
    public string Decode(LogEntry log, ReadOnlySpan<byte> payload)
    {
        var cdr = log.MessageIn(payload);
        return TypeOf(log) is { } type
            ? new MessageDecoder(type).Decode(cdr, log.Member)
            : $"({cdr.Length} bytes of {log.Type}, whose description is not known)";
    }

    /// <summary>What is said about a log's type in the run folder; null: nothing.</summary>
    internal TypeDescription? TypeOf(LogEntry log)
    {
        var path = TypeDescriptions.PathOf(_folder, log.TypeHash);
        if (!_types.TryGetValue(path, out var type))
        {
            _types[path] = type = TypeDescription.Load(path);
        }
        return type;
    }
}
