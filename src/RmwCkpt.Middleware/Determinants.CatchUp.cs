using RmwCkpt.Memory;
using RmwCkpt.Registry;

namespace RmwCkpt.Middleware;

/// <summary>From the end of a replay, or of a freeze, to live: ROS time is let catch up with the host's.</summary>
public sealed partial class Determinants
{
    /// <summary>ns without a wait in catch-up: there may be none.</summary>
    private const long WaitsAreOver = 100_000_000;

    /// <summary>ns; of a longer time it was perhaps not let run, and its timers are late as it is.</summary>
    private const long LongestPace = 20_000_000;

    private readonly CatchUp _catchUp = new();
    private long _waited;
    private long _paced;

    /// <summary>
    /// In catch-up: skips at most so much time from <paramref name="now"/>, at which <paramref name="skipped"/> had been
    /// skipped in all. Where it is other threads' turn it waits for them a little; where one has skipped since then it does
    /// nothing. Notes when none of the lag is left.
    /// </summary>
    public void Skip(long now, long skipped, long time)
    {
        if (Clock.Skipped != skipped)
        {
            return;
        }
        var step = _catchUp.Agree(now, time);
        if (step == 0 && time > 0)
        {
            Monitor.Wait(Gate, s_look);
            return;
        }
        Clock.Skip(step);
        NoteLive();
        Monitor.PulseAll(Gate);
    }

    /// <summary>In catch-up: the calling thread has something to do. Takes <see cref="Gate"/> itself.</summary>
    public void NoteWork()
    {
        if (Clock.IsBehind)
        {
            lock (Gate)
            {
                _catchUp.Work();
                Monitor.PulseAll(Gate);
            }
        }
    }

    /// <summary>In catch-up: the calling thread has done what it had to do. Takes <see cref="Gate"/> itself.</summary>
    public void NoteRest()
    {
        if (Clock.IsBehind)
        {
            lock (Gate)
            {
                _catchUp.Rest();
                Monitor.PulseAll(Gate);
            }
        }
    }

    /// <summary>In catch-up: a wait looks that may skip time, so that nothing else need.</summary>
    public void NoteWait() => Volatile.Write(ref _waited, Posix.Now(Posix.MonotonicClock));

    /// <summary>
    /// In catch-up, where nobody waits (callbacks, polling, a loop at a rate): ROS time runs half as fast again. Those who sleep by it cannot
    /// be woken, and a timer that is late by less than its period misses no tick. Takes <see cref="Gate"/> itself.
    /// </summary>
    public void Pace()
    {
        lock (Gate)
        {
            if (IsReplaying || !Clock.IsBehind)
            {
                _paced = 0;
                return;
            }
            var now = Posix.Now(Posix.MonotonicClock);
            if (_paced != 0 && now - Volatile.Read(ref _waited) > WaitsAreOver)
            {
                Clock.Skip(Math.Min(now - _paced, LongestPace) / 2);
                NoteLive();
            }
            _paced = now;
        }
    }

    private void NoteLive()
    {
        _paced = Clock.IsBehind ? _paced : 0;
        if (!Clock.IsBehind && _slot.ReadUInt32(ProcessTable.Mode) != (uint)ProcessMode.Live)
        {
            if (_revived)
            {
                _revived = false;
                _slot.Write(ProcessTable.LiveAt, Clock.Steady);
            }
            _slot.Release(ProcessTable.Mode, (uint)ProcessMode.Live);
        }
    }
}
