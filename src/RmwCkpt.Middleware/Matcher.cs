using RmwCkpt.Registry;

namespace RmwCkpt.Middleware;

/// <summary>
/// Keeps a session's endpoints matched with the graph: opens the logs that are to be read, counts peers, notes
/// incompatible ones. Looks only at rows changed since it last looked. Thread-safe.
/// </summary>
public sealed class Matcher(Session session, GraphTable graph)
{
    private readonly object _lock = new();
    private readonly Dictionary<int, Peer> _peers = [];
    private readonly List<Endpoint> _locals = [];
    private readonly HashSet<(uint Local, Gid Peer)> _matches = [];
    private readonly HashSet<(uint Local, Gid Peer)> _refused = [];
    private readonly byte[] _row = new byte[GraphTable.RowSize];
    private ulong _seen;

    private sealed record Peer(EntityKind Kind, Gid Gid, uint Process, string Name, string Type, Qos Qos);

    /// <summary>Version of the graph that is taken in.</summary>
    public ulong Seen => Volatile.Read(ref _seen);

    /// <summary>Takes in what changed in the graph.</summary>
    public void Update()
    {
        lock (_lock)
        {
            var version = graph.CurrentVersion;
            if (version == _seen)
            {
                return;
            }
            for (var i = 0; i < graph.RowCount; i++)
            {
                if (graph.Row(i).AcquireUInt64(GraphRow.Version) > _seen)
                {
                    Take(i);
                }
            }
            Volatile.Write(ref _seen, version);
        }
    }

    /// <summary>Matches a new endpoint with all that is there.</summary>
    public void Add(Endpoint local)
    {
        lock (_lock)
        {
            _locals.Add(local);
            foreach (var peer in _peers.Values)
            {
                TryMatch(local, peer);
            }
        }
        Update();
    }

    public void Remove(Endpoint local)
    {
        lock (_lock)
        {
            _locals.Remove(local);
            _matches.RemoveWhere(m => m.Local == local.Id);
            _refused.RemoveWhere(m => m.Local == local.Id);
        }
    }

    /// <summary>Tries again what could not be matched in replay.</summary>
    public void Rematch()
    {
        lock (_lock)
        {
            foreach (var local in _locals)
            {
                foreach (var peer in _peers.Values)
                {
                    TryMatch(local, peer);
                }
            }
        }
    }

    /// <summary>Whether a service that this client has matched reads its requests.</summary>
    public bool IsServed(Endpoint client)
    {
        lock (_lock)
        {
            foreach (var peer in _peers.Values)
            {
                if (peer.Kind == EntityKind.Service && _matches.Contains((client.Id, peer.Gid))
                    && client.Outbox!.Head.HasReader(peer.Process))
                {
                    return true;
                }
            }
            return false;
        }
    }

    private void Take(int row)
    {
        var live = GraphRow.TryCopy(graph.Row(row), _row);
        var peer = live ? Parse(_row) : null;
        if (_peers.TryGetValue(row, out var known))
        {
            if (known == peer)
            {
                return;
            }
            Drop(known);
            _peers.Remove(row);
        }
        if (peer is not null)
        {
            _peers[row] = peer;
            foreach (var local in _locals)
            {
                TryMatch(local, peer);
            }
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

    private void TryMatch(Endpoint local, Peer peer)
    {
        var key = (local.Id, peer.Gid);
        if (peer.Kind != local.PeerKind || peer.Name != local.Options.Topic || _matches.Contains(key) || IsIgnored(local, peer))
        {
            return;
        }
        if (peer.Type != local.Options.Type)
        {
            if (_refused.Add(key))
            {
                local.CountIncompatibleType();
            }
            return;
        }
        if (local.Kind is EntityKind.Publisher or EntityKind.Subscription)
        {
            var mismatch = local.Kind == EntityKind.Publisher
                ? Qos.Mismatch(local.Options.Qos, peer.Qos)
                : Qos.Mismatch(peer.Qos, local.Options.Qos);
            if (mismatch != QosPolicy.None)
            {
                if (_refused.Add(key))
                {
                    local.CountIncompatible(mismatch);
                }
                return;
            }
        }
        if (local.Inbox is null || session.TryRead(local, peer.Gid))
        {
            _matches.Add(key);
            local.CountMatch(1);
        }
    }

    private bool IsIgnored(Endpoint local, Peer peer) =>
        local.Kind == EntityKind.Subscription && local.Options.IgnoreLocalPublications && peer.Process == session.SlotIndex;

    private void Drop(Peer peer)
    {
        foreach (var local in _locals)
        {
            _refused.Remove((local.Id, peer.Gid));
            if (_matches.Remove((local.Id, peer.Gid)))
            {
                local.Inbox?.Orphan(peer.Gid);
                local.CountMatch(-1);
            }
        }
    }
}
