using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Entities;

/// <summary>An event that the graph or the log causes: matches, incompatible peers, lost messages.</summary>
public sealed class MatchEvent(Session session, uint id, Endpoint endpoint, EventKind kind) : StatusEvent(session, id, endpoint)
{
    private bool IsMatch => kind is EventKind.SubscriptionMatched or EventKind.PublicationMatched;

    /// <summary>Each match and each end of one, each incompatible peer, each lost message.</summary>
    public override long Changes => At(0) is var (total, current) && IsMatch ? total + total - current : total;

    protected override (long Total, long Current) At(long time) => kind switch
    {
        _ when IsMatch => (Endpoint.MatchedEver, Endpoint.Matched),
        EventKind.MessageLost => (Endpoint.Inbox?.Dropped ?? 0, 0),
        EventKind.PublisherIncompatibleType or EventKind.SubscriptionIncompatibleType => (Endpoint.IncompatibleTypes, 0),
        _ => (Endpoint.Incompatible, 0),
    };
}
