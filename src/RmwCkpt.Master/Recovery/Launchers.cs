using Microsoft.Extensions.Logging;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Master.Recovery;

/// <summary>
/// Watches the parents of the domain's processes. Who kills a launcher together with its children (a time-out that kills a
/// process group, the end of a container) wanted the end of all; so did one that ends after its children were asked to end
/// (Ctrl-C). Any other parent that ends by itself says nothing: wrappers, as `ros2 run`, end because their child did.
/// Thread-safe.
/// </summary>
internal sealed class Launchers : IDisposable
{
    /// <summary>Between the ends of those that are killed together.</summary>
    public static readonly TimeSpan Together = TimeSpan.FromSeconds(1);

    private readonly object _gate = new();
    private readonly Dictionary<ulong, Ancestor> _watched = [];
    private readonly Dictionary<Ancestor, (long At, bool Killed)> _ended = [];
    private readonly Dictionary<Ancestor, long> _asked = [];
    private readonly Func<Ancestor, int> _open;
    private readonly Action<Ancestor, long, bool> _onEnd;
    private readonly DeathWatch _watch;
    private ulong _last;

    /// <param name="open">A pidfd of one that lives, or -1.</param>
    /// <param name="onEnd">Told of one that ended, when, by the clock of <see cref="DeathWatch"/>, and whether by a signal.</param>
    public Launchers(Func<Ancestor, int> open, Action<Ancestor, long, bool> onEnd, ILogger log)
    {
        (_open, _onEnd) = (open, onEnd);
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
            foreach (var launcher in wanted.Except(_watched.Values).Except(_ended.Keys))
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
            return _ended.TryGetValue(launcher, out var end) && end.Killed && now - end.At < Together.Ticks * 100;
        }
    }

    /// <summary>A child of it has ended that a signal had asked to.</summary>
    /// <param name="asked">When, by the clock of <see cref="DeathWatch"/>.</param>
    public void NoteAsked(Ancestor launcher, long asked)
    {
        lock (_gate)
        {
            Forget(_asked, asked, x => x);
            _asked[launcher] = asked;
        }
    }

    /// <summary>Whether it has ended after, or just before, a child of it was asked to end: all of them were meant.</summary>
    public bool HasEndedAll(Ancestor launcher)
    {
        lock (_gate)
        {
            return _ended.TryGetValue(launcher, out var end) && _asked.TryGetValue(launcher, out var asked)
                && asked - end.At < Together.Ticks * 100 && end.At - asked < EndOf.Escalation.Ticks * 100;
        }
    }

    public void Dispose() => _watch.Dispose();

    private void OnEnd(ulong key, long when, int pidfd)
    {
        Ancestor? launcher;
        bool killed;
        lock (_gate)
        {
            if (!_watched.Remove(key, out launcher))
            {
                return;
            }
            killed = EndOf.Look((int)launcher.Pid, pidfd).Signal != 0;
            Forget(_ended, when, x => x.At);
            _ended[launcher] = (when, killed);
        }
        _onEnd(launcher, when, killed);
    }

    private static void Forget<T>(Dictionary<Ancestor, T> times, long now, Func<T, long> time)
    {
        foreach (var (old, _) in times.Where(x => now - time(x.Value) > EndOf.Escalation.Ticks * 100).ToList())
        {
            times.Remove(old);
        }
    }
}
