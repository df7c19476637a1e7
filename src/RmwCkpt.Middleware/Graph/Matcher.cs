using RmwCkpt.Domain;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Graph;

/// <summary>
/// Keeps a session's endpoints matched with the graph: opens the logs that are to be read, counts peers, notes
/// incompatible ones. Looks only at rows changed since it last looked, and matches within a topic. Thread-safe.
/// </summary>
public sealed class Matcher(Session session, GraphTable graph)
{
    private readonly object _lock = new();
    private readonly Dictionary<int, Peer> _peers = [];
    private readonly Dictionary<string, Topic> _topics = [];
    private readonly byte[] _row = new byte[GraphTable.RowSize];
    private readonly int[] _recent = new int[GraphTable.RecentCount];
    private ulong _seen;
    private ulong _seenChanges;

    private sealed record Peer(EntityKind Kind, Gid Gid, uint Process, string Name, string Type, Qos Qos);

    /// <summary>An endpoint of this session, and which peers it has.</summary>
    private sealed class Local(Endpoint endpoint)
    {
        public Endpoint Endpoint => endpoint;

        public HashSet<Gid> Matched { get; } = [];

        public HashSet<Gid> Refused { get; } = [];
    }

    /// <summary>What has the name of one topic or service: here, and anywhere in the domain.</summary>
    private sealed class Topic
    {
        public List<Local> Locals { get; } = [];

        public List<Peer> Peers { get; } = [];
    }

    /// <summary>Version of the graph that is taken in.</summary>
    public ulong Seen => Volatile.Read(ref _seen);

    /// <summary>Takes in what changed in the graph.</summary>
    public void Update()
    {
        lock (_lock)
        {
            // In this order: the changes of a version are counted before it is one.
            var version = graph.CurrentVersion;
            if (version == _seen)
            {
                return;
            }
            var changes = graph.ChangeCount;
            if (graph.TryGetRecent(_seenChanges, changes, _recent, out var count))
            {
                foreach (var row in _recent.AsSpan(0, count))
                {
                    Look(row);
                }
            }
            else
            {
                for (var row = 0; row < graph.RowCount; row++)
                {
                    Look(row);
                }
            }
            _seenChanges = changes;
            Volatile.Write(ref _seen, version);
        }
    }

    /// <summary>Matches a new endpoint with all that is there.</summary>
    public void Add(Endpoint endpoint)
    {
        lock (_lock)
        {
            var local = new Local(endpoint);
            var topic = TopicOf(endpoint.Options.Topic);
            topic.Locals.Add(local);
            topic.Peers.ForEach(peer => TryMatch(local, peer));
        }
        Update();
    }

    public void Remove(Endpoint endpoint)
    {
        lock (_lock)
        {
            if (_topics.TryGetValue(endpoint.Options.Topic, out var topic))
            {
                topic.Locals.RemoveAll(x => x.Endpoint == endpoint);
                ForgetIfEmpty(endpoint.Options.Topic, topic);
            }
        }
    }

    /// <summary>The graph becomes another one, of which nothing is known.</summary>
    public void Restart(Action change)
    {
        lock (_lock)
        {
            change();
            var before = _peers.Values.ToList();
            _peers.Clear();
            before.ForEach(Drop);
            _seenChanges = 0;
            Volatile.Write(ref _seen, 0);
        }
    }

    /// <summary>Tries again what could not be matched in replay.</summary>
    public void Rematch()
    {
        lock (_lock)
        {
            foreach (var topic in _topics.Values)
            {
                topic.Locals.ForEach(local => topic.Peers.ForEach(peer => TryMatch(local, peer)));
            }
        }
    }

    /// <summary>Whether a service that this client has matched reads its requests.</summary>
    public bool IsServed(Endpoint client)
    {
        lock (_lock)
        {
            return _topics.TryGetValue(client.Options.Topic, out var topic)
                && topic.Locals.Find(x => x.Endpoint == client) is { } local
                && topic.Peers.Exists(x =>
                    x.Kind == EntityKind.Service && local.Matched.Contains(x.Gid) && client.Outbox!.Head.HasReader(x.Process));
        }
    }

    private void Look(int row)
    {
        if (row >= graph.RowCount || graph.Row(row).AcquireUInt64(GraphRow.Version) <= _seen)
        {
            return;
        }
        var peer = GraphRow.TryCopy(graph.Row(row), _row) ? Parse(_row) : null;
        if (_peers.TryGetValue(row, out var known))
        {
            if (known == peer)
            {
                return;
            }
            _peers.Remove(row);
            Drop(known);
        }
        if (peer is not null)
        {
            _peers[row] = peer;
            var topic = TopicOf(peer.Name);
            topic.Peers.Add(peer);
            topic.Locals.ForEach(local => TryMatch(local, peer));
        }
    }

    private static Peer? Parse(byte[] row)
    {
        var kind = (EntityKind)row[GraphRow.Kind];
        return kind is EntityKind.Publisher or EntityKind.Subscription or EntityKind.Service or EntityKind.Client
            ? new Peer(
                kind, Gid.Read(row.AsSpan(GraphRow.GidBytes)), BitConverter.ToUInt32(row, GraphRow.Process),
                Text(row, GraphRow.Name), Text(row, GraphRow.Type), Qos.Read(row.AsSpan(GraphRow.QosBytes)))
            : null;
    }

    private static string Text(byte[] row, int offset)
    {
        var span = row.AsSpan(offset, GraphRow.NameSize);
        var end = span.IndexOf((byte)0);
        return System.Text.Encoding.UTF8.GetString(end < 0 ? span : span[..end]);
    }

    private void TryMatch(Local local, Peer peer)
    {
        var endpoint = local.Endpoint;
        if (peer.Kind != endpoint.PeerKind || local.Matched.Contains(peer.Gid) || IsIgnored(endpoint, peer))
        {
            return;
        }
        if (peer.Type != endpoint.Options.Type)
        {
            if (local.Refused.Add(peer.Gid))
            {
                endpoint.CountIncompatibleType();
            }
            return;
        }
        if (endpoint.Kind is EntityKind.Publisher or EntityKind.Subscription)
        {
            var mismatch = endpoint.Kind == EntityKind.Publisher
                ? Qos.Mismatch(endpoint.Options.Qos, peer.Qos)
                : Qos.Mismatch(peer.Qos, endpoint.Options.Qos);
            if (mismatch != QosPolicy.None)
            {
                if (local.Refused.Add(peer.Gid))
                {
                    endpoint.CountIncompatible(mismatch);
                }
                return;
            }
        }
        if (endpoint.Inbox is null || session.Logs.TryRead(endpoint, peer.Gid))
        {
            local.Matched.Add(peer.Gid);
            endpoint.CountMatch(1);
        }
    }

    private bool IsIgnored(Endpoint endpoint, Peer peer) => endpoint.Kind == EntityKind.Subscription
        && endpoint.Options.IgnoreLocalPublications && peer.Process == session.SlotIndex;

    private void Drop(Peer peer)
    {
        var topic = TopicOf(peer.Name);
        topic.Peers.Remove(peer);
        if (topic.Peers.Exists(x => x.Gid == peer.Gid))
        {
            // It has another row now.
            return;
        }
        foreach (var local in topic.Locals)
        {
            local.Refused.Remove(peer.Gid);
            if (local.Matched.Remove(peer.Gid))
            {
                local.Endpoint.Inbox?.Orphan(peer.Gid);
                local.Endpoint.CountMatch(-1);
            }
        }
        ForgetIfEmpty(peer.Name, topic);
    }

    private Topic TopicOf(string name)
    {
        if (!_topics.TryGetValue(name, out var topic))
        {
            _topics.Add(name, topic = new Topic());
        }
        return topic;
    }

    private void ForgetIfEmpty(string name, Topic topic)
    {
        if (topic is { Locals.Count: 0, Peers.Count: 0 })
        {
            _topics.Remove(name);
        }
    }
}
