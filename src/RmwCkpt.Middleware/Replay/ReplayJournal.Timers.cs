namespace RmwCkpt.Middleware.Replay;

/// <summary>
/// Timers: that a wait found one due is part of the wait's result, and a call of one is what a take is to a subscription. So which
/// of an executor's threads looks at them, and when, need not be the same again. Under the gate.
/// </summary>
public sealed partial class ReplayJournal
{
    /// <summary>What stands for the clock of a timer that read none, as one of a simulation's time.</summary>
    public const int NoClock = 2;

    public Timers Timers { get; } = new();

    /// <summary>A clock is read to see when a timer is due: not journalled.</summary>
    public long Peek(int clock, long real)
    {
        if (IsDisposed)
        {
            return real;
        }
        var last = Replays() ? Clock.Last(clock) : 0;
        return RosClock.Note(clock, last > 0 ? last : CatchUp.Read(clock, real));
    }

    /// <summary>Whether a timer is due: in replay as it was then, else as its clock says, journalled.</summary>
    public bool IsDue(uint timer, bool isDue)
    {
        while (!IsDisposed)
        {
            if (Replays())
            {
                if (TryRead(Determinant.Due, timer, 0, out _))
                {
                    _told.Add(timer);
                }
                return _told.Contains(timer);
            }
            if (!isDue || TryAppend(Determinant.Due, timer, 0, 0))
            {
                return isDue;
            }
        }
        return isDue;
    }

    /// <summary>A timer is called: when, by its clock. In replay when it is its turn, by whichever thread.</summary>
    public long Call(uint timer, int clock, long real)
    {
        while (!IsDisposed)
        {
            if (TryReplayTake(timer, out var cell))
            {
                var isKnown = cell.Kind == (byte)Determinant.Call && cell.Detail == (uint)clock && clock != NoClock;
                if (isKnown)
                {
                    Clock.Replay(clock, cell.Value);
                }
                return clock == NoClock ? real : RosClock.NotBefore(clock, isKnown ? cell.Value : Clock.Last(clock));
            }
            var time = clock == NoClock ? real : CatchUp.Read(clock, real);
            if (TryRecord(Determinant.Call, timer, (uint)clock, time))
            {
                return clock == NoClock ? real : RosClock.Note(clock, time);
            }
        }
        return real;
    }
}
