using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Messages;

namespace RmwCkpt.Cli.Journals;

/// <summary>One log, as its head tells it.</summary>
public sealed record LogEntry(
    Gid Gid, EntityKind Kind, string Topic, string Type, string Node, byte[] TypeHash, long Messages, long Bytes, long Created);

/// <summary>
/// All logs of a run folder, read without the master: they tell who they are. What is damaged is left out, and named.
/// </summary>
public sealed class LogCatalog
{
    private readonly List<string> _damaged = [];
    private readonly RunFolder _folder;
    private readonly Dictionary<Gid, LogEntry> _logs = [];
    private readonly Dictionary<TrustedPath, MessageDecoder?> _decoders = [];

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
                    EndpointHead.Node(head), EndpointHead.TypeHash(head).ToArray(), head.TailSequence, head.Bytes,
                    EndpointHead.Created(head));
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
        .. _logs.Values.Where(l => l.Node == node || l.Node.TrimStart('/') == node.TrimStart('/'))
            .Select(l => l.Gid.Process).Distinct().Order(),
    ];

    public LogReader Open(Gid gid) => LogReader.Open(_folder.Log(gid));

    /// <summary>A frame's fields, by the type description kept in the run folder.</summary>
    public string Decode(LogEntry log, ReadOnlySpan<byte> payload)
    {
        var member = log.Kind switch
        {
            EntityKind.Client => "request_message",
            EntityKind.Service => "response_message",
            _ => null,
        };
        var cdr = log.Kind == EntityKind.Service && payload.Length >= RequestId.Size ? payload[RequestId.Size..] : payload;
        var path = TypeDescriptions.PathOf(_folder, log.TypeHash);
        if (!_decoders.TryGetValue(path, out var decoder))
        {
            _decoders[path] = decoder = MessageDecoder.Load(path);
        }
        return decoder?.Decode(cdr, member) ?? $"({cdr.Length} bytes of {log.Type}, whose description is not known)";
    }
}
