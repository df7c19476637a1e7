using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Replay;

/// <summary>How long a replay waits for what, by how long it has stood still. Under the gate.</summary>
internal sealed class Patience(IReplayClock clock)
{
    /// <summary>ns after which who waits makes do with what is harmless: to be told of something else.</summary>
    private const long ForAnything = 4_000_000;

    /// <summary>ns after which a thread takes before its turn: the one whose turn it is may be waiting for it.</summary>
    private const long ForTurns = 15_000_000;

    /// <summary>ns after which a thread makes do without the step that it asks for.</summary>
    private const long ForSteps = 50_000_000;

    /// <summary>ns after which the journal does not describe this execution.</summary>
    private const long ForAll = 2_000_000_000;

    /// <summary>ns without a reading after which threads do not come any more for what they read.</summary>
    private const long ForReadings = 100_000_000;

    /// <summary>The same where a thread sleeps by the clock and does not wait here: an events executor's timers.</summary>
    private const long ForTimers = 1_000_000_000;

    /// <summary>ns after a replay until no thread is on the way any more to what it did in the former life.</summary>
    private const long Settling = 1_000_000_000;

    public IReplayClock Clock => clock;

    private readonly StandStill _still = new(clock);
    private long _moved;
    private long _ended;

    /// <summary>Messages are called back for: timers may sleep elsewhere.</summary>
    public bool HasCallbacks { get; set; }

    public bool IsDraining => clock.Now - _moved < (HasCallbacks ? ForTimers : ForReadings);

    public bool IsSettled => clock.Now - Volatile.Read(ref _ended) > Settling;

    public bool IsShort => _still.Look() > ForAnything;

    public bool IsOverForTurns => _still.Look() > ForTurns;

    public bool IsOverForSteps => _still.Look() > ForSteps;

    public bool IsOver => _still.Look() > ForAll;

    public void Begin() => Moved(isOrdered: true);

    public void End() => Volatile.Write(ref _ended, clock.Now);

    /// <summary>Something was done again: a take or wait, for which others wait, or a reading, for which nobody does.</summary>
    public void Moved(bool isOrdered)
    {
        _moved = clock.Now;
        if (isOrdered)
        {
            Moves++;
            _still.Moved();
        }
    }

    /// <summary>Counts what was done again.</summary>
    public int Moves { get; private set; }

    /// <summary>Lets others go on, those too that wait for the program's own lock. No lock but the gate may be held.</summary>
    public void Wait(object gate)
    {
        var held = HostLock.LetGo();
        clock.Wait(gate);
        HostLock.TakeBack(held, gate);
    }
}
