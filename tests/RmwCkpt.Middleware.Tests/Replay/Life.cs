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

    public void Trigger(uint guard) => _triggered.Add(guard);

    /// <summary>Waits for topics and guard conditions: which is ready, or null where the time is over.</summary>
    public uint? Wait(uint[] ids, long timeout)
    {
        var until = World.Now + timeout;
        var ready = new byte[ids.Length];
        while (true)
        {
            World.Step();
            lock (Journal.Gate)
            {
                if (Journal.TryReplayWait(ids, ready, timeout >= 0, out var timedOut))
                {
                    return timedOut ? null : Ready();
                }
            }
            foreach (var id in ids)
            {
                if (_triggered.Remove(id) || HasNext(id))
                {
                    if (Record(Determinant.Ready, id, 0))
                    {
                        return id;
                    }
                }
            }
            if (timeout >= 0 && World.Now >= until && Record(Determinant.TimedOut, ids[0], 0))
            {
                return null;
            }
            World.Sleep(1_000_000);
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
            World.Step();
            lock (Journal.Gate)
            {
                if (Journal.TryReplayTake(topic, out var cell))
                {
                    return cell.Kind == (byte)Determinant.Nothing ? 0 : _taken[topic] = cell.Value;
                }
            }
            if (!HasNext(topic))
            {
                if (Record(Determinant.Nothing, topic, 0))
                {
                    return 0;
                }
            }
            else if (Record(Determinant.Take, topic, _taken.GetValueOrDefault(topic) + 1))
            {
                return _taken[topic] = _taken.GetValueOrDefault(topic) + 1;
            }
        }
    }

    public long Read()
    {
        World.Step();
        lock (Journal.Gate)
        {
            return Journal.ReadClock(0, World.Now);
        }
    }

    public void Publish(int log, long number)
    {
        World.Step();
        if (!_writers.TryGetValue(log, out var writer))
        {
            _writers.Add(log, writer = _open(log));
        }
        if (Journal.Origin.Novelty is Novelty.New or Novelty.Late)
        {
            writer.PassFormer();
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
    private bool HasNext(uint topic) =>
        topic >= 100 && _taken.GetValueOrDefault(topic) < Math.Min(Most, World.Now / 3_000_000 - 300);

    private bool Record(Determinant kind, uint entity, long value)
    {
        lock (Journal.Gate)
        {
            return Journal.TryRecord(kind, entity, 0, value);
        }
    }
}
