using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Replay;

/// <summary>From the end of a replay, or of a freeze, to live: ROS time is let catch up with the host's.</summary>
public sealed class CatchUp
{
    /// <summary>ns without a wait in catch-up: there may be none.</summary>
    private const long WaitsAreOver = 100_000_000;

    /// <summary>ns; of a longer time it was perhaps not let run, and its timers are late as it is.</summary>
    private const long LongestPace = 20_000_000;

    private readonly object _gate;
    private readonly IReplayed _session;
    private readonly Region _slot;
    private readonly IReplayClock _clock;
    private readonly ThreadsAtWork _threads;
    private uint _freezes;
    private bool _isRevived;
    private long _waited;
    private long _paced;

    internal CatchUp(object gate, IReplayed session, Region slot, IReplayClock clock)
    {
        (_gate, _session, _slot, _clock) = (gate, session, slot, clock);
        _threads = new ThreadsAtWork(clock);
        Clock = new RosClock(clock.Read);
    }

    public RosClock Clock { get; }

    /// <summary>
    /// Skips at most so much time from <paramref name="now"/>, at which <paramref name="skipped"/> had been
    /// skipped in all. Notes when none of the lag is left. False: it is other threads' turn, or one has skipped since then. Takes
    /// the gate itself.
    /// </summary>
    public bool TrySkip(long now, long skipped, long time)
    {
        lock (_gate)
        {
            if (Clock.Skipped != skipped)
            {
                return false;
            }
            var step = _threads.Agree(now, time);
            if (step == 0 && time > 0)
            {
                return false;
            }
            Clock.Skip(step);
            NoteLive();
            return true;
        }
    }

    /// <summary>The calling thread has something to do. Takes the gate itself.</summary>
    public void NoteWork()
    {
        if (Clock.IsBehind)
        {
            lock (_gate)
            {
                _threads.Work();
            }
        }
    }

    /// <summary>The calling thread has done what it had to do. Takes the gate itself.</summary>
    public void NoteRest()
    {
        if (Clock.IsBehind)
        {
            lock (_gate)
            {
                _threads.Rest();
            }
        }
    }

    /// <summary>A wait looks that may skip time, so that nothing else need.</summary>
    public void NoteWait() => Volatile.Write(ref _waited, _clock.Now);

    /// <summary>
    /// Where nobody waits (callbacks, polling, a loop at a rate): ROS time runs half as fast again. Those who sleep by it cannot
    /// be woken, and a timer that is late by less than its period misses no tick. Takes the gate itself.
    /// </summary>
    public void Pace()
    {
        lock (_gate)
        {
            if (!Clock.IsBehind)
            {
                _paced = 0;
                return;
            }
            var now = _clock.Now;
            if (_paced != 0 && now - Volatile.Read(ref _waited) > WaitsAreOver)
            {
                Clock.Skip(Math.Min(now - _paced, LongestPace) / 2);
                NoteLive();
            }
            _paced = now;
        }
    }

    /// <summary>
    /// A message was said again that was written at this ROS time, ns: the process has lived until then. Where nobody waits
    /// nothing else may tell: a loop that publishes and sleeps reads no clock. Takes the gate itself.
    /// </summary>
    public void SaidAgain(long time)
    {
        lock (_gate)
        {
            Clock.Saw(time);
            if (Clock.IsBehind && time > Clock.Now && _clock.Now - Volatile.Read(ref _waited) > WaitsAreOver)
            {
                Clock.Skip(time - Clock.Now);
                NoteLive();
            }
        }
    }

    /// <summary>The replay is over: what is left of time begins. Under the gate.</summary>
    internal void Begin()
    {
        _isRevived = true;
        _waited = _clock.Now;
        _freezes = _slot.AcquireUInt32(ProcessTable.Freezes);
        Clock.EndReplay();
        // Nobody was there to whom anything is owed of that time.
        Clock.Skip(_slot.AcquireInt64(ProcessTable.Paused));
        _slot.Release(ProcessTable.Paused, 0L);
        _threads.Begin();
        _slot.Write(ProcessTable.Mode, (uint)ProcessMode.CatchUp);
        NoteLive();
    }

    /// <summary>A live read of a clock. Under the gate.</summary>
    internal long Read(int clock, long real)
    {
        if (FrozenFor() is > 0 and var frozen)
        {
            Clock.GoOnFrom(clock, real, frozen);
            if (Clock.IsBehind)
            {
                _slot.Write(ProcessTable.Mode, (uint)ProcessMode.CatchUp);
                _threads.Begin();
                _session.FellBehind();
            }
        }
        if (Clock.IsBehind)
        {
            _threads.Work();
            Pace();
        }
        return Clock.Translate(clock, real);
    }

    /// <summary>How long, at most, snapshots have frozen this process since this was last asked, ns.</summary>
    private long FrozenFor()
    {
        var freezes = _slot.AcquireUInt32(ProcessTable.Freezes);
        var start = _slot.AcquireInt64(ProcessTable.FreezeStart);
        if (_slot.AcquireUInt32(ProcessTable.Freezing) != 0)
        {
            return Clock.Steady - start;
        }
        var frozen = freezes != _freezes ? _slot.AcquireInt64(ProcessTable.FreezeEnd) - start : 0;
        _freezes = freezes;
        return frozen;
    }

    private void NoteLive()
    {
        _paced = Clock.IsBehind ? _paced : 0;
        if (!Clock.IsBehind && _slot.ReadUInt32(ProcessTable.Mode) != (uint)ProcessMode.Live)
        {
            if (_isRevived)
            {
                _isRevived = false;
                _slot.Write(ProcessTable.LiveAt, Clock.Steady);
            }
            _slot.Release(ProcessTable.Mode, (uint)ProcessMode.Live);
        }
    }
}
