using RmwCkpt.Registry;

namespace RmwCkpt.Middleware;

/// <summary>A status of an endpoint, as rmw's events report it.</summary>
public readonly record struct EventStatus(long Total, long TotalChange, long Current, long CurrentChange, QosPolicy LastPolicy);

/// <summary>The values of ckpt_event_kind that the core serves.</summary>
public enum EventKind
{
    RequestedQosIncompatible = 3,
    MessageLost = 4,
    SubscriptionMatched = 6,
    OfferedQosIncompatible = 9,
    PublicationMatched = 11,
}

/// <summary>An event of an endpoint: ready while its status has changed since the last take. Thread-safe.</summary>
public sealed class MatchEvent(Session session, uint id, Endpoint endpoint, EventKind kind)
    : Entity(session, id, EntityKind.Event)
{
    private readonly object _lock = new();
    private long _total;
    private long _current;

    public override bool IsReady(long by)
    {
        var (total, current) = Now();
        lock (_lock)
        {
            return total != _total || current != _current;
        }
    }

    /// <summary>How often the status has changed since creation: each match and each end of one, each incompatible peer.</summary>
    public long Changes
    {
        get
        {
            var (total, current) = Now();
            return kind is EventKind.SubscriptionMatched or EventKind.PublicationMatched ? total + total - current : total;
        }
    }

    public EventStatus Take()
    {
        lock (_lock)
        {
            var (total, current) = Now();
            var status = new EventStatus(total, total - _total, current, current - _current, endpoint.LastPolicy);
            (_total, _current) = (total, current);
            return status;
        }
    }

    private (long Total, long Current) Now() => kind switch
    {
        EventKind.SubscriptionMatched or EventKind.PublicationMatched => (endpoint.MatchedEver, endpoint.Matched),
        EventKind.MessageLost => (endpoint.Inbox?.Dropped ?? 0, 0),
        _ => (endpoint.Incompatible, 0),
    };
}
