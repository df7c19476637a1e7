using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Replay;

namespace RmwCkpt.Middleware.Tests.Replay;

/// <summary>A process that only publishes and sleeps: it reads no clock and waits for nothing, in a time that the test says.</summary>
public sealed class CatchUpTests : IDisposable
{
    private const long Second = 1_000_000_000;
    private const long Started = 1_000 * Second;
    private const long Died = Started + (60 * Second);
    private const long Period = Second / 20;

    private readonly NativeBuffer _memory = new();
    private readonly HandClock _clock = new();
    private readonly Region _slot;
    private readonly CatchUp _catchUp;

    public CatchUpTests()
    {
        _slot = _memory.Ensure(ProcessTable.SlotSize);
        _slot.Clear(0, ProcessTable.SlotSize);
        _catchUp = new CatchUp(new object(), new Nobody(), _slot, _clock);
        _catchUp.Clock.Replay(Posix.RealtimeClock, Started);
        _clock.Now = Died + Second;
        _catchUp.Begin();
    }

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void What_it_says_again_says_until_when_it_has_lived_where_it_waits_for_nothing()
    {
        Assert.Equal(61 * Second, _catchUp.Clock.Lag);
        _catchUp.SaidAgain(Died - Period);
        Assert.Equal(61 * Second, _catchUp.Clock.Lag);
        _clock.Now += Second;
        _catchUp.SaidAgain(Died);
        Assert.Equal(2 * Second, _catchUp.Clock.Lag);
        Assert.Equal((uint)ProcessMode.CatchUp, _slot.ReadUInt32(ProcessTable.Mode));

        // Ten ms of each period, but the first.
        for (var said = 0; said <= 2 * 100; said++)
        {
            _clock.Now += Period;
            _catchUp.Pace();
        }
        Assert.Equal(0, _catchUp.Clock.Lag);
        Assert.Equal((uint)ProcessMode.Live, _slot.ReadUInt32(ProcessTable.Mode));
    }

    [Fact]
    public void Who_waits_comes_to_it_by_its_waits()
    {
        _clock.Now += Second;
        _catchUp.NoteWait();
        _catchUp.SaidAgain(Died);
        Assert.Equal(61 * Second, _catchUp.Clock.Lag);
    }

    [Fact]
    public void In_a_replay_it_is_not_behind_what_it_has_said()
    {
        var next = new CatchUp(new object(), new Nobody(), _slot, _clock);
        next.Clock.Replay(Posix.RealtimeClock, Started);
        next.SaidAgain(Died);
        next.Begin();
        Assert.Equal(Second, next.Clock.Lag);
    }

    [Fact]
    public void What_was_killed_with_all_others_catches_up_with_what_it_has_lived_alone()
    {
        _slot.Write(ProcessTable.Paused, 50 * Second);
        var next = new CatchUp(new object(), new Nobody(), _slot, _clock);
        next.Clock.Replay(Posix.RealtimeClock, Started);
        next.Begin();
        Assert.Equal(11 * Second, next.Clock.Lag);
        // Once.
        next.Clock.Replay(Posix.RealtimeClock, Started);
        next.Begin();
        Assert.Equal(61 * Second, next.Clock.Lag);
        _slot.Write(ProcessTable.Paused, 70 * Second);
        next.Begin();
        Assert.Equal(0, next.Clock.Lag);
        Assert.Equal((uint)ProcessMode.Live, _slot.ReadUInt32(ProcessTable.Mode));
    }

    private sealed class HandClock : IReplayClock
    {
        public long Now { get; set; }

        public bool IsBusy => false;

        public int ThreadId => 1;

        public long Read(int clock) => Now;

        public bool IsAsleep(int thread) => false;

        public void Wait(object gate)
        {
        }
    }

    private sealed class Nobody : IReplayed
    {
        public bool ReplayMatch(uint entity, Gid log, long first) => false;

        public void ReplayEnded()
        {
        }

        public void FellBehind()
        {
        }

        public bool IsTriggered(uint id) => false;

        public bool AwaitsTrigger(uint id) => false;
    }
}
