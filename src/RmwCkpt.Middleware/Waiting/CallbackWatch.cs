using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Messages;

namespace RmwCkpt.Middleware.Waiting;

/// <summary>
/// An endpoint or event with a callback: what has come for it is counted with readers of its own (scouts), and then called back for.
/// </summary>
internal sealed class CallbackWatch(Entity entity, Action<int> callback) : IDisposable
{
    private readonly object _turn = new();
    private readonly Dictionary<Gid, LogReader> _scouts = [];
    private long _announced;
    private int _owed;
    private bool _ended;

    public Entity Entity { get; } = entity;

    /// <summary>Counts what came, to be called back for.</summary>
    public void Owe(int count) => Interlocked.Add(ref _owed, count);

    public bool IsOwed => Volatile.Read(ref _owed) != 0;

    /// <summary>Calls back for what is owed; it has been called, by whichever thread, when this returns. Without locks.</summary>
    public void CallBack()
    {
        lock (_turn)
        {
            if (Interlocked.Exchange(ref _owed, 0) is > 0 and var count && !_ended)
            {
                callback(count);
            }
        }
    }

    /// <summary>It is not called any more, and is not running, but where this is called from within it. Without locks.</summary>
    public void End()
    {
        lock (_turn)
        {
            _ended = true;
        }
    }

    /// <summary>Closes the scouts of logs that are not read any more.</summary>
    private void Forget(Inbox inbox)
    {
        if (_scouts.Count > inbox.Sources.Length)
        {
            ForgetUnread(inbox);
        }
    }

    /// <summary>On its own, for what its lambda captures is allocated on entry.</summary>
    private void ForgetUnread(Inbox inbox)
    {
        foreach (var (log, scout) in _scouts.Where(x => !inbox.Reads(x.Key)).ToList())
        {
            _scouts.Remove(log);
            scout.Dispose();
        }
    }

    /// <summary>Counts what has come by a ROS time, ns since the epoch. Under the pump's lock.</summary>
    /// <exception cref="IOException">A log cannot be read.</exception>
    /// <exception cref="InvalidDataException">One is damaged.</exception>
    public void Count(long by)
    {
        var count = Entity is StatusEvent happened ? CountNew(happened) : 0;
        if (Entity is Endpoint { Inbox: { } inbox })
        {
            count += inbox.TakeOwed(by);
            foreach (var source in inbox.Sources)
            {
                count += CountNew(source, by);
            }
            Forget(inbox);
        }
        Owe(count);
    }

    private int CountNew(StatusEvent happened)
    {
        var changes = happened.Changes;
        var count = (int)(changes - _announced);
        _announced = changes;
        return count;
    }

    private int CountNew(Source source, long by)
    {
        if (!_scouts.TryGetValue(source.Writer, out var scout))
        {
            scout = LogReader.Open(Entity.Session.Folder.Log(source.Writer));
            scout.SeekSequence(source.Reader.NextSequence);
            _scouts[source.Writer] = scout;
        }
        var count = 0;
        while (scout.TryPeek(out var frame, verify: false) && frame.Time <= by)
        {
            count += Entity is not Endpoint { Kind: EntityKind.Client } client || Inbox.IsReplyTo(client.Gid, frame) ? 1 : 0;
            scout.Advance();
        }
        return count;
    }

    public void Dispose()
    {
        foreach (var scout in _scouts.Values)
        {
            scout.Dispose();
        }
    }
}
