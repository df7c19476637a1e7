using RmwCkpt.Domain;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Entities;

/// <summary>A status of an endpoint, as rmw's events report it. What the counts mean is said at ckpt_event_status.</summary>
public readonly record struct EventStatus(long Total, long TotalChange, long Current, long CurrentChange, QosPolicy LastPolicy);

/// <summary>The values of ckpt_event_kind.</summary>
public enum EventKind
{
    LivelinessChanged = 1,
    RequestedDeadlineMissed = 2,
    RequestedQosIncompatible = 3,
    MessageLost = 4,
    SubscriptionIncompatibleType = 5,
    SubscriptionMatched = 6,
    LivelinessLost = 7,
    OfferedDeadlineMissed = 8,
    OfferedQosIncompatible = 9,
    PublisherIncompatibleType = 10,
    PublicationMatched = 11,
}

/// <summary>
/// An event of an endpoint: ready while its status has changed since the last take. What a take says is journalled, and a
/// replay says it again. Thread-safe.
/// </summary>
public abstract class StatusEvent(Session session, uint id, Endpoint endpoint) : Entity(session, id, EntityKind.Event)
{
    private readonly object _lock = new();
    private long _total;
    private long _current;
    private long _previous;

    protected Endpoint Endpoint { get; } = endpoint;

    /// <summary>The two counts at a ROS time.</summary>
    protected abstract (long Total, long Current) At(long time);

    /// <summary>How often the status has changed since creation.</summary>
    public abstract long Changes { get; }

    /// <summary>Whether the total is one that only grows; what a previous incarnation counted is then part of it.</summary>
    protected virtual bool Accumulates => true;

    protected long Now => Session.ReplayJournal.Clock.Now;

    public override bool IsReady(long by)
    {
        var (total, current) = At(Math.Min(by, Now));
        lock (_lock)
        {
            return total + _previous != _total || current != _current;
        }
    }

    public EventStatus Take()
    {
        lock (_lock)
        {
            var (own, current) = At(Now);
            var total = Session.Query(Id, own + _previous);
            _previous = Accumulates ? total - own : 0;
            current = Session.Query(Id, current);
            var policy = (QosPolicy)Session.Query(Id, (long)Endpoint.LastPolicy);
            var status = new EventStatus(total, total - _total, current, current - _current, policy);
            (_total, _current) = (total, current);
            return status;
        }
    }
}
