using System.Runtime.InteropServices;
using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Replay;

namespace RmwCkpt.Middleware.Tests.Replay;

public sealed class ReplayJournalTests : IDisposable
{
    private delegate nint LetGo();

    private delegate void TakeBack(nint held);

    private static readonly Gid s_log = new(77, 5, 3);
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private static void Locked(ReplayJournal determinants, Action action)
    {
        lock (determinants.Gate)
        {
            action();
        }
    }

    private void FirstLife(Action<ReplayJournal> live)
    {
        using var first = _scratch.Live();
        Locked(first, () => live(first));
    }

    [Fact]
    public void A_first_life_does_not_replay()
    {
        using var life = _scratch.Live();
        Locked(life, () => Assert.False(life.Replays()));
        Assert.Equal(0, _scratch.Session.Ends);
    }

    [Fact]
    public void A_timer_is_due_and_called_as_it_was_by_whichever_thread()
    {
        const uint timer = Timers.First;
        FirstLife(life =>
        {
            life.TryRecord(Determinant.TimedOut, 9, 0, 0);
            Assert.True(life.IsDue(timer, true));
            Assert.False(life.IsDue(timer + 1, false));
            Roles.Be(2);
            Assert.Equal(1_000, life.Call(timer, 1, 1_000));
            life.ReadClock(1, 1_001);
            Roles.Be(1);
            life.TryRecord(Determinant.Take, 9, 0, 1);
            life.ReadClock(1, 2_000);
            life.TryRecord(Determinant.TimedOut, 9, 0, 0);
            Assert.Equal(3_000, life.Call(timer, 1, 3_000));
        });
        RosClock.Forget();
        using var next = _scratch.Live(resumed: true);
        Locked(next, () =>
        {
            Span<byte> ready = [0];
            // What its clock says now does not count, before the wait either.
            Assert.False(next.IsDue(timer, true));
            Assert.True(next.TryReplayWait([9], ready, true, out var timedOut) && timedOut);
            Assert.True(next.IsDue(timer, false));
            Assert.False(next.IsDue(timer + 1, true));
            // The thread that had another part calls it, and has what was read after that.
            Assert.Equal(1_000, next.Call(timer, 1, 9_000));
            Assert.Equal(1_001, next.ReadClock(1, 9_000));
            Assert.False(next.IsDue(timer, true));
            Assert.True(next.TryReplayTake(9, out _));
            Assert.Equal(2_000, next.ReadClock(1, 9_000));
            // A look is free.
            Assert.Equal(2_000, next.Peek(1, 9_000));
            // Whose call comes next is told to who waits for it.
            Assert.True(next.TryReplayWait([9], ready, true, out _));
            Timers.Await(timer);
            Assert.True(next.TryReplayWait([9], ready, true, out timedOut) && timedOut && ready[0] == 0);
            Timers.AwaitNone();
            Assert.True(next.IsDue(timer, false));
            Assert.Equal(3_000, next.Call(timer, 1, 9_000));
            Assert.False(next.Replays());
        });
        Assert.Equal(0, _scratch.Slot.ReadInt64(ProcessTable.Divergences));
    }

    [Fact]
    public void Who_waits_for_its_turn_lets_go_of_the_programs_own_lock()
    {
        FirstLife(life =>
        {
            life.TryRecord(Determinant.Take, 24, 0, 1);
            life.TryRecord(Determinant.Take, 25, 0, 1);
        });
        using var next = _scratch.Live(resumed: true);
        using var program = new SemaphoreSlim(1);
        using var isHeld = new ThreadLocal<bool>();
        var order = new List<uint>();
        LetGo letGo = () => isHeld.Value && (program.Release(), true).Item2 ? 1 : 0;
        TakeBack takeBack = _ => program.Wait();
        HostLock.Set(Marshal.GetFunctionPointerForDelegate(letGo), Marshal.GetFunctionPointerForDelegate(takeBack));
        try
        {
            program.Wait();
            isHeld.Value = true;
            var other = new Thread(() => Take(24));
            other.Start();
            // It is the other one's turn, which waits for the lock.
            Take(25);
            other.Join();
        }
        finally
        {
            HostLock.Set(0, 0);
        }
        Assert.Equal([24u, 25u], order);

        void Take(uint entity)
        {
            if (!isHeld.Value)
            {
                program.Wait();
            }
            Locked(next, () => Assert.True(next.TryReplayTake(entity, out _)));
            order.Add(entity);
            program.Release();
        }
    }

    [Fact]
    public void A_timer_of_a_simulation_reads_no_clock_and_is_called_in_its_turn()
    {
        FirstLife(life =>
        {
            Assert.Equal(0, life.Call(Timers.First, ReplayJournal.NoClock, 0));
            life.TryRecord(Determinant.Take, 9, 0, 1);
        });
        using var next = _scratch.Live(resumed: true);
        Locked(next, () =>
        {
            Assert.Equal(0, next.Call(Timers.First, ReplayJournal.NoClock, 0));
            Assert.True(next.TryReplayTake(9, out var cell) && cell.Value == 1);
            Assert.False(next.Replays());
        });
    }

    [Fact]
    public void Random_bytes_come_again_and_who_asks_otherwise_gets_new_ones()
    {
        FirstLife(life =>
        {
            life.ReadRandom(Enumerable.Range(1, 16).Select(i => (byte)i).ToArray());
            life.ReadClock(0, 100);
            life.ReadRandom([21, 22, 23]);
            Assert.True(life.TryRecord(Determinant.Nothing, 9, 0, 0));
            life.ReadRandom([31]);
            Assert.True(life.TryRecord(Determinant.Nothing, 9, 0, 0));
            life.ReadRandom([41]);
        });
        using var next = _scratch.Live(resumed: true);
        Assert.Equal(Enumerable.Range(1, 16).Select(i => (byte)i), Ask(16));
        Assert.Equal([21, 22, 23], Ask(3)); // and not the clock
        Assert.Equal([0], Ask(1)); // not its turn
        Locked(next, () =>
        {
            Assert.True(next.TryReplayTake(9, out _));
            Assert.True(next.TryReplayTake(9, out _)); // what is not asked for is passed
        });
        Assert.Equal([41], Ask(1));
        Assert.Equal([0], Ask(1));
        Assert.Equal(0, _scratch.Slot.ReadInt64(ProcessTable.Divergences));

        byte[] Ask(int size)
        {
            var bytes = new byte[size];
            next.ReadRandom(bytes);
            return bytes;
        }
    }

    [Fact]
    public void Threads_that_wait_in_turn_may_be_told_otherwise_but_take_in_order()
    {
        FirstLife(life =>
        {
            life.TryRecord(Determinant.Ready, 24, 0, 0); // in vain: another thread was busy with it
            life.TryRecord(Determinant.Ready, 24, 0, 0);
            life.TryRecord(Determinant.Take, 24, 0, 1);
            life.TryRecord(Determinant.TimedOut, 30, 0, 0); // of a wait that began with another entity, which is left out now
            life.TryRecord(Determinant.Take, 25, 0, 1);
        });
        using var next = _scratch.Live(resumed: true);
        Locked(next, () =>
        {
            var ready = new byte[2];
            // This life's wait leaves 24 out. When its thread is done with 24, the guard condition says so.
            _scratch.Session.Triggered.Add(7);
            Assert.True(next.TryReplayWait([7, 25], ready, true, out var timedOut));
            Assert.Equal([1, 0], ready);
            Assert.False(timedOut);
            _scratch.Session.Triggered.Clear();
            Assert.True(next.TryReplayWait([7, 24], ready, true, out _));
            Assert.Equal([0, 1], ready);
            Assert.True(next.TryReplayTake(24, out _));
            Assert.True(next.TryReplayWait([7, 25], ready, true, out timedOut));
            Assert.Equal([0, 0], ready);
            Assert.True(timedOut);
            Assert.True(next.TryReplayWait([7, 25], ready, true, out timedOut));
            Assert.Equal([0, 1], ready);
            Assert.False(timedOut);
            Assert.True(next.TryReplayTake(25, out _));
            Assert.False(next.Replays());
        });
        Assert.Equal(0, _scratch.Slot.ReadInt64(ProcessTable.Divergences));
    }

    [Fact]
    public void Takes_time_outs_matches_and_answers_come_again_in_order()
    {
        FirstLife(life =>
        {
            Assert.True(life.TryRecordMatch(9, s_log, 4));
            Assert.True(life.TryNumber(s_log, out var number));
            Assert.True(life.TryRecord(Determinant.Take, 9, number, 4));
            Assert.True(life.TryRecord(Determinant.Nothing, 9, 0, 0));
            Assert.Equal(2, life.Query(8, 2));
            Assert.True(life.TryRecord(Determinant.TimedOut, 1, 0, 0));
        });
        using var next = _scratch.Live(resumed: true);
        Locked(next, () =>
        {
            Assert.True(next.Replays());
            Assert.Equal([(9u, s_log, 4L)], _scratch.Session.Matches);
            Assert.True(next.TryPeekTake(out var entity, out _));
            Assert.Equal(9u, entity);
            Assert.True(next.TryReplayTake(9, out var take));
            Assert.Equal((s_log, 4), (next.LogOf(take.Detail), take.Value));
            Assert.False(next.TryRecord(Determinant.Take, 9, 0, 5));
            Assert.True(next.TryReplayTake(9, out var nothing));
            Assert.Equal((byte)Determinant.Nothing, nothing.Kind);
            Assert.Equal(2, next.Query(8, 99));
            Assert.True(next.TryReplayWait([1, 2], new byte[2], true, out var timedOut));
            Assert.True(timedOut);
            Assert.False(next.TryReplayTake(9, out _));
            Assert.True(next.TryRecord(Determinant.Take, 9, 0, 5));
        });
        Assert.Equal(1, _scratch.Session.Ends);
        Assert.Equal(1, _scratch.Slot.ReadInt64(ProcessTable.Replayed));
        Assert.Equal(0, _scratch.Slot.ReadInt64(ProcessTable.Divergences));
    }

    [Fact]
    public void A_wait_returns_the_same_entities_even_when_it_was_half_recorded()
    {
        FirstLife(life =>
        {
            life.TryRecord(Determinant.Ready, 3, 1, 0);
            life.TryRecord(Determinant.Ready, 1, 0, 0);
            life.TryRecord(Determinant.Ready, 2, 1, 0); // one more would follow: it died
        });
        using var next = _scratch.Live(resumed: true);
        Locked(next, () =>
        {
            var ready = new byte[3];
            Assert.True(next.TryReplayWait([1, 2, 3], ready, true, out var timedOut));
            Assert.False(timedOut);
            Assert.Equal([1, 0, 1], ready);
            Assert.True(next.TryReplayWait([1, 2, 3], ready, true, out _));
            Assert.Equal([0, 1, 0], ready);
            Assert.False(next.TryReplayWait([1, 2, 3], ready, true, out _));
        });
    }

    [Fact]
    public void A_restored_life_learns_of_itself_by_its_incarnation_and_by_the_journal()
    {
        using var restored = _scratch.Live();
        FirstLife(life => life.TryRecord(Determinant.Take, 9, 0, 1));
        // The journal alone tells it: its first cell fails.
        Locked(restored, () =>
        {
            Assert.False(restored.Replays());
            Assert.False(restored.TryRecord(Determinant.Take, 9, 0, 1));
            Assert.True(restored.Replays());
            Assert.True(restored.TryReplayTake(9, out _));
            Assert.False(restored.Replays());
            _scratch.Slot.Increment(ProcessTable.Incarnation);
            Assert.False(restored.Replays());
        });
        Assert.Equal(2, _scratch.Session.Ends);
    }

    [Fact]
    public void Time_is_the_journals_in_replay_and_does_not_run_back_after_it()
    {
        var now = Posix.Now(Posix.RealtimeClock);
        FirstLife(life => Assert.Equal(now - 1_000_000_000, life.ReadClock(0, now - 1_000_000_000)));
        using var next = _scratch.Live(resumed: true);
        Locked(next, () =>
        {
            Assert.Equal(now - 1_000_000_000, next.ReadClock(0, now));
            var live = next.ReadClock(0, Posix.Now(Posix.RealtimeClock));
            Assert.InRange(live, now - 1_000_000_000, now - 1);
            Assert.Equal((uint)ProcessMode.CatchUp, _scratch.Slot.ReadUInt32(ProcessTable.Mode));
            while (next.Clock.IsBehind)
            {
                // Where other tests' threads have waited before, it is their turn for some ms: as a wait does, again.
                next.CatchUp.TrySkip(next.Clock.Now, next.Clock.Skipped, long.MaxValue);
            }
            Assert.Equal((uint)ProcessMode.Live, _scratch.Slot.ReadUInt32(ProcessTable.Mode));
        });
    }

    [Fact]
    public void A_journal_of_another_execution_is_given_up_and_counted()
    {
        FirstLife(life =>
        {
            life.TryRecord(Determinant.Take, 9, 0, 1);
            life.TryRecordMatch(9, s_log, 1);
            life.TryRecord(Determinant.Take, 9, 0, 2);
        });
        using var next = _scratch.Live(resumed: true);
        Locked(next, () =>
        {
            while (next.TryReplayTake(10, out var cell))
            {
                Assert.Equal((byte)Determinant.Nothing, cell.Kind);
            }
        });
        Assert.Equal(1, _scratch.Slot.ReadInt64(ProcessTable.Divergences));
        Assert.Single(_scratch.Session.Matches);
        Locked(next, () => Assert.True(next.TryRecord(Determinant.Take, 10, 0, 1)));
    }

    [Fact]
    public void A_bit_that_changes_where_nobody_has_written_makes_no_former_life()
    {
        const int Size = Log.Journal.CellSize;
        for (var bit = 0; bit < 8 * Size; bit++)
        {
            using var scratch = new Scratch();
            using (var life = scratch.Live())
            {
                lock (life.Gate)
                {
                    Assert.True(life.TryRecord(Determinant.Nothing, 9, 0, 0));
                    Flip(scratch, cell: 1, bit);
                    Assert.True(life.TryRecord(Determinant.Nothing, 8, 0, 0), $"bit {bit}");
                    Flip(scratch, cell: 2, bit);
                }
            }
            using var next = scratch.Live(resumed: true);
            lock (next.Gate)
            {
                Assert.True(next.TryReplayTake(9, out _));
                Assert.True(next.TryReplayTake(8, out _));
                Assert.False(next.Replays(), $"bit {bit}");
                Assert.True(next.TryRecord(Determinant.Nothing, 7, 0, 0));
            }
            Assert.Equal(0, scratch.Slot.ReadInt64(ProcessTable.Divergences));
        }

        static void Flip(Scratch scratch, int cell, int bit)
        {
            using var file = Mapping.Open(scratch.At / "journal" / "0");
            var at = Log.Journal.HeadSize + (cell * Size) + (bit / 8);
            file.View.Write(at, (byte)(file.View.ReadByte(at) ^ (1 << (bit % 8))));
        }
    }

    [Fact]
    public void A_cell_among_others_that_is_none_is_not_passed_over_in_silence()
    {
        using (var life = _scratch.Live())
        {
            Locked(life, () =>
            {
                Assert.True(life.TryRecord(Determinant.Nothing, 9, 0, 0));
                Assert.True(life.TryRecord(Determinant.Nothing, 9, 0, 0));
            });
        }
        using (var file = Mapping.Open(_scratch.At / "journal" / "0"))
        {
            file.View.Write(Log.Journal.HeadSize, (byte)64);
        }
        using var next = _scratch.Live(resumed: true);
        Locked(next, () => Assert.True(next.Replays()));
    }
}
