using RmwCkpt.Domain;
using RmwCkpt.Middleware.Entities;
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
    private readonly Dictionary<uint, CallbackWatch> _watches = [];
    private CallbackWatch[] _all = [];
    private Thread? _thread;
    private long _announced = -1;
    private string _trouble = "";

    /// <summary>
    /// Sets or, with null, removes the callback of an endpoint or event; after removal it is not running any more.
    /// </summary>
    public void Set(Entity entity, Action<int>? callback)
    {
        var watch = callback is null ? null : new CallbackWatch(entity, callback);
        CallbackWatch? old;
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
        CallbackWatch? old;
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
        for (var i = ReadyEntities.Next(ready, 0); i >= 0; i = ReadyEntities.Next(ready, i + 1))
        {
            CallbackWatch? watch;
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

    private void TryCount(CallbackWatch watch, long by)
    {
        try
        {
            watch.Count(by);
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
    private void CountAtOnce(CallbackWatch watch)
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
}
