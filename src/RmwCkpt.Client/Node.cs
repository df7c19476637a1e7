using RmwCkpt.Domain;
using RmwCkpt.Middleware;
using RmwCkpt.Middleware.Entities;

namespace RmwCkpt.Client;

/// <summary>A node of the ROS graph.</summary>
public sealed class Node
{
    private readonly Context _context;
    private readonly Middleware.Entities.Node _node;

    internal Node(Context context, Middleware.Entities.Node node)
    {
        _context = context;
        _node = node;
    }

    public string FullName => _node.FullName;

    internal List<Timer> Timers { get; } = [];

    internal List<ISpun> Subscriptions { get; } = [];

    /// <param name="topic">Fully qualified ("/chatter"), or relative to the node's namespace.</param>
    /// <exception cref="Failure">The log cannot be made, or the master refuses.</exception>
    public Publisher<T> CreatePublisher<T>(string topic, Qos? qos = null)
        where T : IMessage<T> =>
        new(Create<T>(EntityKind.Publisher, topic, qos));

    /// <summary>Has <paramref name="callback"/> called, while the context spins, for each message.</summary>
    public Subscription<T> CreateSubscription<T>(string topic, Action<T> callback, Qos? qos = null)
        where T : IMessage<T>
    {
        var subscription = new Subscription<T>(Create<T>(EntityKind.Subscription, topic, qos), callback);
        Subscriptions.Add(subscription);
        _context.Changed();
        return subscription;
    }

    /// <summary>Has <paramref name="callback"/> called every <paramref name="period"/> of ROS time.</summary>
    public Timer CreateTimer(TimeSpan period, Action callback)
    {
        var timer = new Timer((long)period.TotalNanoseconds, _context.Now, callback);
        Timers.Add(timer);
        return timer;
    }

    private Endpoint Create<T>(EntityKind kind, string topic, Qos? qos)
        where T : IMessage<T>
    {
        ObjectDisposedException.ThrowIf(_context.Session.IsReleased, _context);
        var name = topic.StartsWith('/') ? topic : $"{_node.NameSpace.TrimEnd('/')}/{topic}";
        var options = new EndpointOptions(name, T.Type.Name, qos ?? Qos.Default, T.Type.Hash, () => T.Type.Description);
        return _context.Session.Maker.CreateEndpoint(kind, _node, options);
    }
}

/// <summary>A timer on ROS time; it keeps its phase, and like rcl's skips periods that are wholly past.</summary>
public sealed class Timer
{
    private readonly long _period;
    private readonly Action _callback;

    internal Timer(long period, long now, Action callback)
    {
        _period = period;
        _callback = callback;
        Next = now + period;
    }

    /// <summary>When it is due next, ns of ROS time.</summary>
    public long Next { get; private set; }

    internal void RunIfDue(long now)
    {
        if (now < Next)
        {
            return;
        }
        Next += _period;
        if (Next < now)
        {
            Next += (now - Next) / _period * _period;
        }
        _callback();
    }
}
