using Microsoft.Extensions.Logging;
using RmwCkpt.Registry.Protocol;

namespace RmwCkpt.Master;

/// <summary>
/// Watches the parents of the domain's processes. Who kills a launcher together with its children (a time-out that kills a
/// process group, the end of a container) wanted the end of all. A parent that ends by itself says nothing: wrappers, as
/// `ros2 run`, end because their child did. Thread-safe.
/// </summary>
internal sealed class Launchers : IDisposable
{
    /// <summary>Between the ends of those that are killed together.</summary>
    public static readonly TimeSpan Together = TimeSpan.FromSeconds(1);

    private readonly object _gate = new();
    private readonly Dictionary<ulong, Ancestor> _watched = [];
    private readonly Dictionary<Ancestor, long> _killed = [];
    private readonly Func<Ancestor, int> _open;
    private readonly Action<Ancestor, long> _onKilled;
    private readonly DeathWatch _watch;
    private ulong _last;

    /// <param name="open">A pidfd of one that lives, or -1.</param>
    /// <param name="onKilled">Told of one that a signal ended, and when, by the clock of <see cref="DeathWatch"/>.</param>
    public Launchers(Func<Ancestor, int> open, Action<Ancestor, long> onKilled, ILogger log)
    {
        (_open, _onKilled) = (open, onKilled);
        _watch = new DeathWatch(OnEnd, log);
    }

    public void Start() => _watch.Start();

    /// <summary>Watches these, and no others.</summary>
    public void Watch(IEnumerable<Ancestor> launchers)
    {
        lock (_gate)
        {
            var wanted = launchers.ToHashSet();
            foreach (var (key, _) in _watched.Where(x => !wanted.Contains(x.Value)).ToList())
            {
                _watched.Remove(key);
                _watch.Remove(key);
            }
            foreach (var launcher in wanted.Except(_watched.Values).Except(_killed.Keys))
            {
                if (_open(launcher) is >= 0 and var pidfd)
                {
                    _watched.Add(++_last, launcher);
                    _watch.Add(_last, pidfd);
                }
            }
        }
    }

    /// <summary>Whether a launcher was killed just before.</summary>
    /// <param name="now">By the clock of <see cref="DeathWatch"/>.</param>
    public bool WasKilledBefore(Ancestor launcher, long now)
    {
        lock (_gate)
        {
            return _killed.TryGetValue(launcher, out var at) && now - at < Together.Ticks * 100;
        }
    }

    public void Dispose() => _watch.Dispose();

    private void OnEnd(ulong key, long when, int pidfd)
    {
        Ancestor? launcher;
        lock (_gate)
        {
            if (!_watched.Remove(key, out launcher) || EndOf.Look((int)launcher.Pid, pidfd).Signal == 0)
            {
                return;
            }
            foreach (var (old, _) in _killed.Where(x => when - x.Value > Together.Ticks * 100).ToList())
            {
                _killed.Remove(old);
            }
            _killed[launcher] = when;
        }
        _onKilled(launcher, when);
    }
}
