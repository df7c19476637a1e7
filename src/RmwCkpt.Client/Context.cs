using RmwCkpt.Domain;
using RmwCkpt.Middleware;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Processes;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Client;

/// <summary>
/// A process' place in a ROS domain. Dispose leaves it for good; a process that ends without is taken for dead, and
/// recovered. One thread spins; nodes, publishers and subscriptions may be made from any.
/// </summary>
public sealed class Context : IDisposable
{
    private readonly List<Node> _nodes = [];
    private readonly Guard _wake;
    private readonly object _spinning = new();
    private volatile bool _stop;
    private volatile bool _disposed;
    private uint[] _ids = [];
    private byte[] _ready = [];

    /// <param name="domain">ROS domain; by default ROS_DOMAIN_ID, else 0.</param>
    /// <exception cref="Failure">No master can be had, or the run folder or ROS_DOMAIN_ID is unusable.</exception>
    public Context(int? domain = null)
    {
        var process = ProcessContext.Current;
        process.Masters.Program ??= Programs.Find();
        Session = process.Join(domain ?? DomainFromEnvironment());
        _wake = Session.Maker.CreateGuard();
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            if (!Session.IsReleased)
            {
                Session.MarkExiting();
            }
        };
    }

    internal Session Session { get; }

    /// <summary>ROS time, ns since the epoch: what timers run by, and what a replay repeats.</summary>
    public long Now
    {
        get
        {
            lock (Session.ReplayJournal.Gate)
            {
                ObjectDisposedException.ThrowIf(Session.IsReleased, this);
                return Session.ReplayJournal.ReadClock(Memory.Posix.RealtimeClock, Memory.Posix.Now(Memory.Posix.RealtimeClock));
            }
        }
    }

    public Node CreateNode(string name, string nameSpace = "/")
    {
        ObjectDisposedException.ThrowIf(Session.IsReleased, this);
        var node = new Node(this, Session.Maker.CreateNode(name, nameSpace, "/"));
        lock (_nodes)
        {
            _nodes.Add(node);
        }
        _ids = [];
        return node;
    }

    /// <summary>Ends Spin, from any thread.</summary>
    public void Stop()
    {
        _stop = true;
        if (!Session.IsReleased)
        {
            _wake.Trigger();
        }
    }

    /// <summary>Runs callbacks until Stop. One thread at a time.</summary>
    public void Spin()
    {
        while (!_stop)
        {
            SpinOnce(Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Waits for at most <paramref name="timeout"/> and runs what is due. Allocates nothing once warm.</summary>
    public void SpinOnce(TimeSpan timeout)
    {
        lock (_spinning)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            WaitAndRun(timeout);
            if (_disposed)
            {
                // By a callback.
                Release();
            }
        }
    }

    private void WaitAndRun(TimeSpan timeout)
    {
        Prepare();
        var wait = timeout == Timeout.InfiniteTimeSpan ? -1 : (long)timeout.TotalNanoseconds;
        foreach (var node in _nodes)
        {
            foreach (var timer in node.Timers)
            {
                var due = Math.Max(0, timer.Next - Now);
                wait = wait < 0 ? due : Math.Min(wait, due);
            }
        }
        _ = Session.Waiter.Wait(_ids, _ready, wait);
        foreach (var node in _nodes)
        {
            foreach (var timer in node.Timers)
            {
                timer.RunIfDue(Now);
            }
            foreach (var subscription in node.Subscriptions)
            {
                if (IsReady(subscription.Id))
                {
                    subscription.TakeOne();
                }
            }
        }
    }

    internal void Changed() => _ids = [];

    private bool IsReady(uint id)
    {
        var index = Array.IndexOf(_ids, id);
        return index >= 0 && _ready[index] != 0;
    }

    private void Prepare()
    {
        if (_ids.Length == 0)
        {
            _ids = [_wake.Id, .. _nodes.SelectMany(n => n.Subscriptions).Select(s => s.Id)];
            _ready = new byte[_ids.Length];
        }
    }

    private static int DomainFromEnvironment()
    {
        var settings = Settings.OfProcess;
        var domain = settings.Value(Settings.RosDomain) ?? 0;
        return settings.Complaints is [var complaint, ..] ? throw new Failure(Code.Invalid, complaint) : domain;
    }

    /// <summary>Leaves the domain when Spin has come to its end. Not while another thread publishes.</summary>
    public void Dispose()
    {
        _disposed = true;
        Stop();
        if (!Monitor.IsEntered(_spinning))
        {
            lock (_spinning)
            {
                Release();
            }
        }
    }

    private void Release()
    {
        if (!Session.IsReleased)
        {
            Session.ShutDown();
            Session.Release();
        }
    }
}
