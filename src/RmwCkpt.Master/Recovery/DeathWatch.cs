using Microsoft.Extensions.Logging;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Recovery;

/// <summary>
/// Watches processes by their pidfds and says at once when one ends: never by a time-out, for a stopped process is not a
/// dead one. One thread; <paramref name="died"/> is called on it with the key,
/// the time (CLOCK_MONOTONIC, ns), and the pidfd, which is closed afterwards.
/// </summary>
public sealed class DeathWatch(Action<ulong, long, int> died, ILogger log) : IDisposable
{
    private readonly object _gate = new();
    private readonly Dictionary<ulong, int> _watched = [];
    private readonly int _waker = Posix.MakeWaker();
    private Thread? _thread;
    private bool _stopping;

    /// <summary>Whose end is being told; 0: nobody's.</summary>
    private ulong _telling;

    public void Start()
    {
        _thread = new Thread(Run) { Name = "deaths", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Takes over a pidfd; it is closed when the process has ended or <see cref="Remove"/> is called.</summary>
    public void Add(ulong key, int pidfd)
    {
        lock (_gate)
        {
            if (_watched.Remove(key, out var old))
            {
                Posix.Close(old);
            }
            _watched.Add(key, pidfd);
        }
        Posix.Wake(_waker);
    }

    /// <summary>Whether its end will be told, or just is.</summary>
    public bool IsWatched(ulong key)
    {
        lock (_gate)
        {
            return _watched.ContainsKey(key) || _telling == key;
        }
    }

    /// <summary>Watches it no more.</summary>
    public void Remove(ulong key)
    {
        lock (_gate)
        {
            if (_watched.Remove(key, out var pidfd))
            {
                Posix.Close(pidfd);
            }
        }
        Posix.Wake(_waker);
    }

    public void Dispose()
    {
        _stopping = true;
        Posix.Wake(_waker);
        _thread?.Join();
        lock (_gate)
        {
            foreach (var pidfd in _watched.Values)
            {
                Posix.Close(pidfd);
            }
            _watched.Clear();
        }
        Posix.Close(_waker);
    }

    private void Run()
    {
        while (!_stopping)
        {
            KeyValuePair<ulong, int>[] watched;
            lock (_gate)
            {
                watched = [.. _watched];
            }
            int[] fds = [_waker, .. watched.Select(x => x.Value)];
            var ready = new bool[fds.Length];
            Posix.Poll(fds, ready, -1);
            var now = Clock.Steady;
            if (ready[0])
            {
                Posix.ClearWaker(_waker);
            }
            for (var i = 0; i < watched.Length; i++)
            {
                if (ready[i + 1])
                {
                    Report(watched[i], now);
                }
            }
        }
    }

    private void Report(KeyValuePair<ulong, int> watched, long now)
    {
        lock (_gate)
        {
            // Its number may have been closed, and be another's, since the poll began.
            if (!_watched.TryGetValue(watched.Key, out var pidfd) || pidfd != watched.Value || !HasEnded(pidfd))
            {
                return;
            }
            _watched.Remove(watched.Key);
            _telling = watched.Key;
        }
        try
        {
            died(watched.Key, now, watched.Value);
        }
        catch (Exception e)
        {
            log.Unexpected("handling a death", e);
        }
        finally
        {
            lock (_gate)
            {
                _telling = 0;
            }
            Posix.Close(watched.Value);
        }
    }

    private static bool HasEnded(int pidfd)
    {
        Span<bool> ready = stackalloc bool[1];
        return Posix.Poll([pidfd], ready, 0);
    }
}
