using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Graph;
using RmwCkpt.Middleware.Messages;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Entities;

/// <summary>What an endpoint is made of. The type's description is asked for at most once, while the endpoint is made.</summary>
public sealed record EndpointOptions(
    string Topic, string Type, Qos Qos, byte[]? TypeHash = null, Func<string>? Description = null,
    bool IgnoreLocalPublications = false);

/// <summary>
/// A publisher (a log), a subscription (an inbox), a service or a client (both). Which logs it reads and how many peers it
/// has is kept by the session's <see cref="Matcher"/>.
/// </summary>
public sealed class Endpoint : Entity
{
    private int _matched;
    private int _incompatible;
    private int _lastPolicy;
    private int _matchedEver;
    private int _incompatibleTypes;

    public Endpoint(Session session, uint id, EntityKind kind, Node node, EndpointOptions options, long created)
        : base(session, id, kind)
    {
        Node = node;
        Options = options;
        Created = created;
        Gid = new Gid(session.ProcessId, id, (uint)session.Folder.Domain);
        if (options.Qos.Deadline is > 0 and < Qos.Infinite && kind is EntityKind.Publisher or EntityKind.Subscription)
        {
            Deadline = new Deadline(options.Qos.Deadline);
        }
        if (kind != EntityKind.Publisher)
        {
            Inbox = new Inbox(session, id, options.Qos, kind == EntityKind.Client ? Gid : null, Deadline);
        }
        if (kind != EntityKind.Subscription)
        {
            Outbox = new Outbox(session, OpenLog(), options.Qos, Deadline, waits: kind != EntityKind.Publisher);
        }
        if (kind == EntityKind.Client)
        {
            Inbox!.Requests = Outbox;
        }
    }

    public Node Node { get; }

    public EndpointOptions Options { get; }

    /// <summary>ns since the epoch, real time.</summary>
    public long Created { get; }

    public Gid Gid { get; }

    public Inbox? Inbox { get; }

    public Outbox? Outbox { get; }

    /// <summary>Of a publisher or subscription whose QoS has one.</summary>
    public Deadline? Deadline { get; }

    /// <summary>Peers on the same topic with another type, ever.</summary>
    public int IncompatibleTypes => Volatile.Read(ref _incompatibleTypes);

    public int Matched => Volatile.Read(ref _matched);

    public int MatchedEver => Volatile.Read(ref _matchedEver);

    public int Incompatible => Volatile.Read(ref _incompatible);

    public QosPolicy LastPolicy => (QosPolicy)Volatile.Read(ref _lastPolicy);

    public override bool IsReady(long by) => Inbox is not null && Inbox.IsReady(by);

    public override long NextArrival => Inbox?.NextArrival ?? long.MaxValue;

    public override void Reported(bool slept)
    {
        if (slept)
        {
            Inbox?.Credit();
        }
    }

    /// <summary>The kinds that this one talks with.</summary>
    public EntityKind PeerKind => Kind switch
    {
        EntityKind.Publisher => EntityKind.Subscription,
        EntityKind.Subscription => EntityKind.Publisher,
        EntityKind.Service => EntityKind.Client,
        _ => EntityKind.Service,
    };

    internal void CountMatch(int change)
    {
        Interlocked.Add(ref _matched, change);
        if (change > 0)
        {
            Interlocked.Add(ref _matchedEver, change);
        }
        Session.RingSelf();
    }

    /// <summary>A publisher says that it is alive (liveliness manual by topic).</summary>
    public void AssertLiveliness() => Outbox!.Assert();

    internal void CountIncompatibleType()
    {
        Interlocked.Increment(ref _incompatibleTypes);
        Session.RingSelf();
    }

    internal void CountIncompatible(QosPolicy policy)
    {
        Volatile.Write(ref _lastPolicy, (int)policy);
        Interlocked.Increment(ref _incompatible);
        Session.RingSelf();
    }

    private LogWriter OpenLog()
    {
        var qos = Options.Qos;
        var kept = qos.Durability == Durability.TransientLocal
            ? (qos.History == History.KeepAll ? long.MaxValue / 2 : qos.Depth)
            : 0;
        var writer = LogWriter.Open(
            Session.Folder.Log(Gid), Session.Limits, kept,
            metadata => EndpointHead.Write(
                metadata, Gid, Session.SlotIndex, Kind, Created, qos, Options.TypeHash, Options.Topic, Options.Type,
                Node.FullName));
        writer.AwaitsReaders = Kind == EntityKind.Publisher && qos.KeepsAll;
        return writer;
    }

    public override void Close()
    {
        Inbox?.Dispose();
        Outbox?.Dispose();
    }
}
