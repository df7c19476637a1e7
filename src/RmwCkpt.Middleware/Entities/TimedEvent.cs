using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Entities;

/// <summary>
/// An event that time causes: a deadline missed, a lease that ran out. It has no timer: whoever waits for it wakes when it
/// is due (<see cref="NextArrival"/>), and it is reckoned from the times in the logs' heads when it is looked at.
/// A publisher of automatic liveliness is alive as long as it is there: its process' death is seen at once, by pidfd.
/// </summary>
public sealed class TimedEvent(Session session, uint id, Endpoint endpoint, EventKind kind) : StatusEvent(session, id, endpoint)
{
    private readonly object _stateLock = new();
    private long _lost;
    private long _lostAt;
    private (long, long) _announced;
    private long _changes;

    public override long Changes
    {
        get
        {
            var now = At(Now);
            if (kind != EventKind.LivelinessChanged)
            {
                return now.Total;
            }
            lock (_stateLock)
            {
                _changes += now != _announced ? 1 : 0;
                _announced = now;
                return _changes;
            }
        }
    }

    /// <summary>ROS time at which it may become ready without anybody doing anything.</summary>
    public override long NextArrival
    {
        get
        {
            var now = Now;
            switch (kind)
            {
                case EventKind.OfferedDeadlineMissed or EventKind.RequestedDeadlineMissed:
                    return Endpoint.Deadline?.NextDue ?? long.MaxValue;
                case EventKind.LivelinessLost:
                    var end = LeaseEnd(Endpoint.Outbox!.Head);
                    return end > now ? end : long.MaxValue;
                default:
                    return FirstLeaseEnd(now);
            }
        }
    }

    protected override bool Accumulates => kind != EventKind.LivelinessChanged;

    protected override (long Total, long Current) At(long time)
    {
        switch (kind)
        {
            case EventKind.OfferedDeadlineMissed:
                return (Endpoint.Deadline?.Missed(time, 0) ?? 0, 0);
            case EventKind.RequestedDeadlineMissed:
                return (Endpoint.Deadline?.Missed(time, Newest()) ?? 0, 0);
            case EventKind.LivelinessLost:
                return (Lost(time), 0);
            default:
                return Alive(time);
        }
    }

    /// <summary>Each lease that runs out counts once, until the publisher asserts its liveliness again.</summary>
    private long Lost(long time)
    {
        var end = LeaseEnd(Endpoint.Outbox!.Head);
        lock (_stateLock)
        {
            if (time >= end && end != _lostAt)
            {
                _lostAt = end;
                _lost++;
            }
            return _lost;
        }
    }

    /// <summary>Matched publishers that are not alive, and those that are.</summary>
    private (long NotAlive, long Alive) Alive(long time)
    {
        var silent = 0L;
        lock (Endpoint.Inbox!.Lock)
        {
            foreach (var source in Endpoint.Inbox.Sources)
            {
                silent += !source.Orphaned && time >= LeaseEnd(source.Reader.Head) ? 1 : 0;
            }
        }
        return (silent, Math.Max(0, Endpoint.Matched - silent));
    }

    private long FirstLeaseEnd(long now)
    {
        var first = long.MaxValue;
        lock (Endpoint.Inbox!.Lock)
        {
            foreach (var source in Endpoint.Inbox.Sources)
            {
                var end = LeaseEnd(source.Reader.Head);
                first = end > now ? Math.Min(first, end) : first;
            }
        }
        return first;
    }

    private long Newest()
    {
        var newest = 0L;
        lock (Endpoint.Inbox!.Lock)
        {
            foreach (var source in Endpoint.Inbox.Sources)
            {
                newest = Math.Max(newest, source.Reader.Head.LastTime >= Endpoint.Created ? source.Reader.Head.LastTime : 0);
            }
        }
        return newest;
    }

    /// <summary>When a publisher that asserts by topic must have done so again; the others are alive for ever.</summary>
    private static long LeaseEnd(LogHead head)
    {
        var qos = EndpointHead.Qos(head);
        if (qos.Liveliness != Liveliness.ManualByTopic || qos.Lease == Qos.Infinite)
        {
            return long.MaxValue;
        }
        var last = Math.Max(Math.Max(head.LastTime, head.Asserted), EndpointHead.Created(head));
        return last > long.MaxValue - qos.Lease ? long.MaxValue : last + qos.Lease;
    }
}
