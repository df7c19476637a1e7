using System.Collections.Concurrent;
using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Replay;

namespace RmwCkpt.Middleware.Tests.Replay;

/// <summary>What threads get in a replay in which they run otherwise beside each other than in the former life.</summary>
public sealed class ThreadsTests : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly Worker _one = new();
    private readonly Worker _two = new();

    public void Dispose()
    {
        _one.Dispose();
        _two.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public void Each_thread_reads_the_times_that_it_read()
    {
        FirstLife(life =>
        {
            Read(_one, life, 101);
            Read(_two, life, 202);
            Read(_two, life, 203);
            Read(_one, life, 304);
        });
        using var next = _scratch.Live(resumed: true);
        Assert.Equal([202, 203], [Read(_two, next), Read(_two, next)]);
        Assert.Equal([101, 304], [Read(_one, next), Read(_one, next)]);
        Assert.False(IsReplaying(next));
    }

    [Fact]
    public void A_thread_that_is_late_still_reads_its_times_and_one_that_is_past_them_does_not()
    {
        FirstLife(life =>
        {
            Read(_one, life, 101);
            Read(_one, life, 102);
            Wait(_two, life, 7);
            Read(_one, life, 103);
            Wait(_one, life, 8);
            Read(_one, life, 104);
        });
        using var next = _scratch.Live(resumed: true);
        Assert.True(Wait(_two, next, 7));
        Assert.Equal(101, Read(_one, next));
        Assert.True(Wait(_one, next, 8));
        Assert.Equal(104, Read(_one, next));
        Assert.False(IsReplaying(next));
    }

    [Fact]
    public void A_thread_that_waits_where_another_did_has_its_part()
    {
        FirstLife(life =>
        {
            Wait(_one, life, 7);
            Read(_two, life, 201);
            Read(_one, life, 302);
            Wait(_two, life, 7);
            Read(_one, life, 403);
            Read(_two, life, 504);
        });
        using var next = _scratch.Live(resumed: true);
        Assert.True(Wait(_two, next, 7));
        Assert.Equal(302, Read(_two, next));
        Assert.Equal(201, Read(_one, next));
        Assert.True(Wait(_two, next, 7)); // and now it has its own
        Assert.Equal(403, Read(_one, next));
        Assert.Equal(504, Read(_two, next));
        Assert.False(IsReplaying(next));
        Assert.Equal(0, _scratch.Slot.ReadInt64(ProcessTable.Divergences));
    }

    [Fact]
    public void A_thread_that_the_former_life_had_not_reads_too_and_none_waits_for_one_that_does_not_come()
    {
        FirstLife(life =>
        {
            Read(_one, life, 101);
            Read(_one, life, 102);
        });
        using var next = _scratch.Live(resumed: true);
        Assert.Equal(101, Read(_two, next));
        Assert.Equal(102, Read(_two, next));
        Assert.False(IsReplaying(next));
        // And from there time goes on, not from the host's.
        Assert.InRange(Read(_one, next, Posix.Now(Posix.RealtimeClock)), 102, 102 + 60_000_000_000);
    }

    [Fact]
    public void Who_waits_in_vain_for_anothers_take_takes_before_its_turn()
    {
        FirstLife(life =>
        {
            Take(_one, life, 114);
            Take(_two, life, 74);
            Take(_one, life, 93);
        });
        using var next = _scratch.Live(resumed: true);
        Assert.True(Take(_two, next, 74));
        Assert.True(Take(_one, next, 93));
        Assert.True(IsReplaying(next));
        Assert.True(Take(_one, next, 114));
        Assert.False(IsReplaying(next));
        Assert.Equal(0, _scratch.Slot.ReadInt64(ProcessTable.Divergences));
    }

    private static bool IsReplaying(ReplayJournal life)
    {
        lock (life.Gate)
        {
            return life.Replays();
        }
    }

    private void FirstLife(Action<ReplayJournal> live)
    {
        using var first = _scratch.Live();
        live(first);
        // Their memory is not the next life's.
        foreach (var worker in new[] { _one, _two })
        {
            worker.Do(() =>
            {
                RosClock.Forget();
                return true;
            });
        }
    }

    /// <summary>Reads the clock; live it is what <paramref name="real"/> says.</summary>
    private static long Read(Worker worker, ReplayJournal life, long real = 1_000_000) => worker.Do(() =>
    {
        lock (life.Gate)
        {
            return life.ReadClock(0, real);
        }
    });

    /// <summary>Waits for an entity, which is ready.</summary>
    private static bool Wait(Worker worker, ReplayJournal life, uint entity) => worker.Do(() =>
    {
        lock (life.Gate)
        {
            return life.TryReplayWait([entity], new byte[1], false, out _) || life.TryRecord(Determinant.Ready, entity, 0, 0);
        }
    });

    private static bool Take(Worker worker, ReplayJournal life, uint entity) => worker.Do(() =>
    {
        lock (life.Gate)
        {
            return life.TryReplayTake(entity, out _)
                || life.TryRecord(Determinant.Take, entity, 0, 1);
        }
    });

    /// <summary>A thread that does one thing after the other.</summary>
    private sealed class Worker : IDisposable
    {
        private readonly BlockingCollection<Action> _work = [];
        private readonly Thread _thread;

        public Worker()
        {
            _thread = new Thread(() =>
            {
                foreach (var work in _work.GetConsumingEnumerable())
                {
                    work();
                }
            });
            _thread.Start();
        }

        public T Do<T>(Func<T> work)
        {
            var done = new TaskCompletionSource<T>();
            _work.Add(() => done.SetResult(work()));
            return done.Task.GetAwaiter().GetResult();
        }

        public void Dispose()
        {
            _work.CompleteAdding();
            _thread.Join();
            _work.Dispose();
        }
    }
}
