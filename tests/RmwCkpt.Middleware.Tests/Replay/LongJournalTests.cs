using RmwCkpt.Memory;
using RmwCkpt.Middleware.Replay;
using Xunit.Abstractions;

namespace RmwCkpt.Middleware.Tests.Replay;

/// <summary>A journal of an executor's minutes. How fast it goes is printed, in processor time: that is no test's business.</summary>
public sealed class LongJournalTests(ITestOutputHelper output) : IDisposable
{
    private const uint Subscription = 9;
    private const int Takes = 200_000;
    private const long Began = 1_000_000_000_000;
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void Each_wait_take_and_reading_comes_again_in_its_place()
    {
        var start = Used();
        using (var first = _scratch.Live())
        {
            lock (first.Gate)
            {
                for (var i = 0; i < Takes; i++)
                {
                    first.TryRecord(Determinant.Ready, Subscription, 0, 0);
                    first.TryRecord(Determinant.Take, Subscription, 0, i);
                    first.ReadClock(Posix.RealtimeClock, Began + i);
                }
            }
        }
        RosClock.Forget();
        var lived = Used();
        using var next = _scratch.Live(resumed: true);
        Span<byte> ready = [0];
        lock (next.Gate)
        {
            Assert.True(next.Replays());
            var read = Used();
            for (var i = 0; i < Takes; i++)
            {
                Assert.True(next.TryReplayWait([Subscription], ready, true, out var timedOut) && ready[0] == 1 && !timedOut);
                Assert.True(next.TryReplayTake(Subscription, out var cell));
                Assert.Equal(i, cell.Value);
                Assert.Equal(Began + i, next.ReadClock(Posix.RealtimeClock, 5));
            }
            Assert.False(next.Replays());
            var done = Used();
            output.WriteLine($"a take with its wait and a clock, ns of processor time: written {(lived - start) / Takes}, "
                + $"read {(read - lived) / Takes}, done again {(done - read) / Takes}");
        }
    }

    /// <summary>Processor time of this thread, ns.</summary>
    private static long Used() => Posix.Now(clock: 3);
}
