using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Messages;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Waiting;

/// <summary>
/// Calls back for arrivals: one thread for a session, started with the first callback. It counts what comes with readers of
/// its own, so that it never meets the inbox' position. In replay it announces the journal's takes one by one.
/// What has come is counted under a lock, and called back for without it: a callback is the program's, and may take locks
/// that others hold who ask something of the session.
/// </summary>
public sealed class CallbackPump(Session session)
{
    private readonly object _lock = new();
    private readonly Dictionary<uint, Watch> _watches = [];
    private Watch[] _all = [];
    private Thread? _thread;
    private long _announced = -1;
    private string _trouble = "";

    private sealed class Watch(Entity entity, Action<int> callback) : IDisposable
    {
        private readonly object _turn = new();
        private int _owed;
        private bool _ended;

        public Entity Entity { get; } = entity;

        /// <summary>An event's changes that were announced.</summary>
        public long Announced { get; set; }

        public Dictionary<Gid, LogReader> Scouts { get; } = [];

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
        public void Forget(Inbox inbox)
        {
            if (Scouts.Count > inbox.Sources.Length)
            {
                ForgetUnread(inbox);
            }
        }

        /// <summary>On its own, for what its lambda captures is allocated on entry.</summary>
        private void ForgetUnread(Inbox inbox)
        {
            foreach (var (log, scout) in Scouts.Where(x => !inbox.Reads(x.Key)).ToList())
            {
                Scouts.Remove(log);
                scout.Dispose();
            }
        }

        public void Dispose()
        {
            foreach (var scout in Scouts.Values)
            {
                scout.Dispose();
            }
        }
    }

    /// <summary>
    /// Sets or, with null, removes the callback of an endpoint or event; after removal it is not running any more.
    /// </summary>
    public void Set(Entity entity, Action<int>? callback)
    {
        var watch = callback is null ? null : new Watch(entity, callback);
        Watch? old;
        lock (_lock)
        {
            if (_watches.Remove(entity.Id, out old))
            {
                old.Dispose();
            }
            if (watch is not null)
            {
                _watches[entity.Id] = watch;
                _thread ??= CoreThread.Start("ckpt-callbacks", Run);
                CountAtOnce(watch);
            }
            // A new array: a callback may remove itself while the old one is gone through.
            Volatile.Write(ref _all, [.. _watches.Values]);
        }
        old?.End();
        watch?.CallBack();
        session.RingSelf();
    }

    /// <summary>Removes the callback, if it has one, of what is taken down while the process ends; it is not running any more.</summary>
    public void Remove(uint entity)
    {
        Watch? old;
        lock (_lock)
        {
            if (!_watches.Remove(entity, out old))
            {
                return;
            }
            old.Dispose();
            Volatile.Write(ref _all, [.. _watches.Values]);
        }
        old.End();
    }

    /// <summary>Waits until the thread of a session that is released has ended. False: it has not, or this is it.</summary>
    public bool Join(TimeSpan patience)
    {
        var thread = _thread;
        return thread is null || (thread != Thread.CurrentThread && thread.Join(patience));
    }

    private void Run()
    {
        var slot = session.Slot;
        while (true)
        {
            // In this order: who releases sets the mark, then rings.
            var bell = slot.AcquireUInt32(ProcessTable.Bell);
            if (session.IsReleased)
            {
                return;
            }
            bool isLive;
            lock (_lock)
            {
                isLive = TryCount();
            }
            foreach (var watch in Volatile.Read(ref _all))
            {
                if (watch.IsOwed)
                {
                    watch.CallBack();
                }
            }
            session.ReplayJournal.CatchUp.Pace();
            // In replay and catch-up nobody rings: look again soon.
            ProcessTable.Sleep(slot, bell, isLive ? UntilDue() : 200_000);
        }
    }

    /// <summary>How long until an event is due that only time causes, ns; -1: there is none.</summary>
    private long UntilDue()
    {
        var first = long.MaxValue;
        foreach (var watch in _all)
        {
            first = watch.Entity is TimedEvent timed ? Math.Min(first, timed.NextArrival) : first;
        }
        return session.ReplayJournal.Clock.Until(first);
    }

    /// <summary>Counts what is new. False: it is not live, and there is more to come without a bell.</summary>
    private bool TryCount()
    {
        lock (session.ReplayJournal.Gate)
        {
            if (session.ReplayJournal.TryPeekTake(out var entity, out var position))
            {
                if (position != _announced && _watches.TryGetValue(entity, out var replayed))
                {
                    _announced = position;
                    replayed.Owe(1);
                }
                return false;
            }
            if (session.ReplayJournal.Replays())
            {
                return false;
            }
        }
        var by = Horizon;
        foreach (var watch in _all)
        {
            TryCount(watch, by);
        }
        return by == long.MaxValue;
    }

    /// <summary>
    /// Calls back for what a wait is about to report, where both are used on one entity: who is woken finds its callback called.
    /// </summary>
    public void Announce(ReadOnlySpan<uint> ids, ReadOnlySpan<byte> ready)
    {
        if (Volatile.Read(ref _all).Length == 0)
        {
            return;
        }
        var by = Horizon;
        for (var i = Waiter.Next(ready, 0); i >= 0; i = Waiter.Next(ready, i + 1))
        {
            Watch? watch;
            lock (_lock)
            {
                if (_watches.TryGetValue(ids[i] & Session.EntityMask, out watch))
                {
                    TryCount(watch, by);
                }
            }
            watch?.CallBack();
        }
    }

    private void TryCount(Watch watch, long by)
    {
        try
        {
            Count(watch, by);
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            // A log that is damaged must neither end the process nor silence the others. Said once.
            if (_trouble != e.Message)
            {
                _trouble = e.Message;
                Report.Error($"calling back: {_trouble}");
            }
        }
    }

    /// <summary>What was there before the callback is called back for, as by the other middlewares.</summary>
    private void CountAtOnce(Watch watch)
    {
        lock (session.ReplayJournal.Gate)
        {
            if (session.ReplayJournal.Replays())
            {
                return;
            }
        }
        TryCount(watch, Horizon);
    }

    /// <summary>What a take would find has arrived by this ROS time: in catch-up, by now.</summary>
    private long Horizon => session.ReplayJournal.Clock is { IsBehind: true, Now: var now } ? now : long.MaxValue;

    private static void Count(Watch watch, long by)
    {
        var count = watch.Entity is StatusEvent happened ? CountNew(watch, happened) : 0;
        if (watch.Entity is Endpoint { Inbox: { } inbox })
        {
            count += inbox.TakeOwed(by);
            foreach (var source in inbox.Sources)
            {
                count += CountNew(watch, source, by);
            }
            watch.Forget(inbox);
        }
        watch.Owe(count);
    }

    private static int CountNew(Watch watch, StatusEvent happened)
    {
        var changes = happened.Changes;
        var count = (int)(changes - watch.Announced);
        watch.Announced = changes;
        return count;
    }

    private static int CountNew(Watch watch, Source source, long by)
    {
        if (!watch.Scouts.TryGetValue(source.Writer, out var scout))
        {
            scout = LogReader.Open(watch.Entity.Session.Folder.Log(source.Writer));
            scout.SeekSequence(source.Reader.NextSequence);
            watch.Scouts[source.Writer] = scout;
        }
        var count = 0;
        while (scout.TryPeek(out var frame, verify: false) && frame.Time <= by)
        {
            count += watch.Entity is not Endpoint { Kind: EntityKind.Client } client || Inbox.IsReplyTo(client.Gid, frame) ? 1 : 0;
            scout.Advance();
        }
        return count;
    }
}
