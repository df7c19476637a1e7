using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Replay;

namespace RmwCkpt.Middleware.Tests.Replay;

/// <summary>
/// One life of a process whose topics have messages 1, 2, 3, ... and that publishes on logs of its own, as a session does it: by a
/// journal, and writers that are told where each message comes from.
/// </summary>
internal sealed class Life : IDisposable
{
    private readonly Dictionary<uint, long> _taken = [];
    private readonly Dictionary<int, LogWriter> _writers = [];
    private readonly Func<int, LogWriter> _open;
    private readonly HashSet<uint> _triggered;
    private readonly uint _number;

    public Life(Simulation world, ReplayJournal journal, Func<int, LogWriter> open, HashSet<uint> triggered, uint number)
    {
        (World, Journal, _open, _triggered, _number) = (world, journal, open, triggered, number);
        lock (journal.Gate)
        {
            journal.TryNumber(new Gid(77, 5, 3), out _);
        }
    }

    public Simulation World { get; }

    public ReplayJournal Journal { get; }

    /// <summary>Messages that a topic gets in all lives together.</summary>
    public long Most { get; set; } = long.MaxValue;

    public void Trigger(uint guard)
    {
        _triggered.Add(guard);
        Journal.NoteTrigger();
    }

    /// <summary>Waits for topics and guard conditions: which is ready, or null where the time is over.</summary>
    public uint? Wait(uint[] ids, long timeout)
    {
        var ready = WaitFor(ids, timeout);
        Journal.CatchUp.NoteWork();
        return ready;
    }

    private uint? WaitFor(uint[] ids, long timeout)
    {
        var (start, skippedBefore) = (World.Now, Journal.Clock.Skipped);
        var ready = new byte[ids.Length];
        while (true)
        {
            Step();
            lock (Journal.Gate)
            {
                if (Journal.TryReplayWait(ids, ready, timeout >= 0, out var timedOut))
                {
                    return timedOut ? null : Ready();
                }
            }
            var (behind, skipped, now) = (Journal.Clock.IsBehind, Journal.Clock.Skipped, Journal.Clock.Now);
            if (behind && timeout != 0)
            {
                Journal.CatchUp.NoteWait();
            }
            foreach (var id in ids)
            {
                if (_triggered.Remove(id) || HasNext(id, now))
                {
                    if (Record(Determinant.Ready, id, 0))
                    {
                        return id;
                    }
                }
            }
            var left = timeout < 0 ? long.MaxValue : timeout - (World.Now - start + skipped - skippedBefore);
            if (left <= 0)
            {
                if (Record(Determinant.TimedOut, ids[0], 0))
                {
                    return null;
                }
            }
            else if (!behind || !Journal.CatchUp.TrySkip(now, skipped, Math.Min(left, ids.Min(x => NextArrival(x) - now))))
            {
                World.Sleep(Math.Min(left, 1_000_000));
            }
        }

        uint? Ready()
        {
            var index = Array.IndexOf(ready, (byte)1);
            _triggered.Remove(index < 0 ? 0 : ids[index]);
            return index < 0 ? null : ids[index];
        }
    }

    /// <summary>The next message of a topic; 0: there is none.</summary>
    public long Take(uint topic)
    {
        while (true)
        {
            Step();
            lock (Journal.Gate)
            {
                if (Journal.TryReplayTake(topic, out var cell))
                {
                    if (cell.Kind == (byte)Determinant.Nothing)
                    {
                        return 0;
                    }
                    Journal.Clock.Saw(NextArrival(topic));
                    return _taken[topic] = cell.Value;
                }
            }
            if (!HasNext(topic, Journal.Clock.Now))
            {
                if (Record(Determinant.Nothing, topic, 0))
                {
                    return 0;
                }
            }
            else if (Record(Determinant.Take, topic, _taken.GetValueOrDefault(topic) + 1))
            {
                Journal.Clock.Saw(NextArrival(topic));
                return _taken[topic] = _taken.GetValueOrDefault(topic) + 1;
            }
        }
    }

    public long Read()
    {
        Step();
        lock (Journal.Gate)
        {
            return Journal.ReadClock(0, World.Now);
        }
    }

    /// <summary>The time, to see when a timer is due.</summary>
    public long Peek()
    {
        Step();
        lock (Journal.Gate)
        {
            return Journal.Peek(0, World.Now);
        }
    }

    /// <summary>As a wait for entities and a timer: which entity is ready, and whether the timer is due.</summary>
    public (uint? Ready, bool IsDue) Wait(uint[] ids, uint timer, Func<long> due, long timeout)
    {
        Timers.Await(timer);
        var ready = Wait(ids, timeout);
        Timers.AwaitNone();
        var isDue = due() <= Peek();
        Step();
        lock (Journal.Gate)
        {
            return (ready, Journal.IsDue(timer, isDue));
        }
    }

    /// <summary>Calls a timer: when.</summary>
    public long Call(uint timer)
    {
        Step();
        lock (Journal.Gate)
        {
            return Journal.Call(timer, 0, World.Now);
        }
    }

    public void Publish(int log, long number)
    {
        Step();
        if (!_writers.TryGetValue(log, out var writer))
        {
            _writers.Add(log, writer = _open(log));
        }
        if (Journal.Origin.Novelty is Novelty.New or Novelty.Late)
        {
            writer.PassPrevious();
        }
        var reservation = writer.Reserve(8);
        reservation.Payload.Write(0, number);
        if (writer.Commit(reservation, 8, 0, _number, World.Now, Journal.Origin, out _) == AppendResult.Otherwise)
        {
            Journal.EndRole();
        }
    }

    public void Dispose()
    {
        foreach (var writer in _writers.Values)
        {
            writer.Dispose();
        }
        Journal.Dispose();
    }

    /// <summary>Topics get a message each 3 ms, guard conditions none.</summary>
    private long NextArrival(uint id) => id >= 100 && _taken.GetValueOrDefault(id) < Most
        ? Simulation.Begin + (3_000_000 * (_taken.GetValueOrDefault(id) + 1)) : long.MaxValue;

    private bool HasNext(uint id, long now) => NextArrival(id) <= now;

    private void Step()
    {
        World.Step();
        World.Ask();
    }

    private bool Record(Determinant kind, uint entity, long value)
    {
        lock (Journal.Gate)
        {
            return Journal.TryRecord(kind, entity, 0, value);
        }
    }
}
