using RmwCkpt.Domain;
using RmwCkpt.Log;

namespace RmwCkpt.Middleware.Tests.Replay;

/// <summary>
/// Programs of threads as executors have them, whose threads meet in each life otherwise, as a seed says; they die at any step,
/// in a replay too, and are started again. RMW_CKPT_SEED repeats one run, RMW_CKPT_ROUNDS runs more.
/// </summary>
public sealed class InterleavingTests
{
    private const int Lives = 4;
    private const long Messages = 40;
    private const long Period = 7_000_000;
    private static readonly int s_rounds = int.Parse(Environment.GetEnvironmentVariable("RMW_CKPT_ROUNDS") ?? "40");
    private static readonly int s_seed = int.Parse(Environment.GetEnvironmentVariable("RMW_CKPT_SEED") ?? "-1");

    /// <summary>One thread that waits, takes, reads a clock and publishes.</summary>
    [Fact]
    public void An_executor_of_one_thread() => Try((life, _) => [() => Spin(life, [100, 101], last: 2 * Messages)]);

    [Fact]
    public void Two_executors_in_two_threads() => Try((life, _) =>
        [() => Spin(life, [100, 101], last: 2 * Messages), () => Spin(life, [102, 103], last: 2 * Messages)]);

    /// <summary>Threads that wait in turn, under a lock, and take and handle without it: as rclcpp's.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void An_executor_of_threads_that_wait_in_turn(int threads) => Try((life, _) =>
    {
        var shared = new Shared();
        return [.. Enumerable.Repeat(() => SpinInTurn(life, shared, [100, 101, 102]), threads)];
    });

    /// <summary>
    /// The same with a timer, of which any of them may find that it is due: each tick is said once, with the same stamp.
    /// </summary>
    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    [InlineData(4, false)]
    [InlineData(4, true)]
    public void An_executor_of_threads_with_a_timer(int threads, bool stamps) => Try((life, _) =>
    {
        var shared = new Shared { Due = Simulation.Begin };
        return [.. Enumerable.Repeat(() => SpinWithTimer(life, shared, [100, 101], stamps), threads)];
    });

    /// <summary>One thread that waits, and workers that take: as rclpy's.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void An_executor_whose_workers_take(int workers) => Try((life, _) =>
    {
        var shared = new Shared();
        return [() => WaitFor(life, shared, [1, 100, 101, 102]), .. Enumerable.Repeat(() => Work(life, shared), workers)];
    });

    /// <summary>A thread that reads a device, whose readings never come again, beside one that spins.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_reader_of_a_device(bool stamps) => Try((life, device) =>
        [() => Spin(life, [100, 101], last: 2 * Messages), () => ReadDevice(life, device, stamps)]);

    private static void Spin(Life life, uint[] topics, long last)
    {
        for (long handled = 0; handled < last;)
        {
            var before = life.Read();
            if (life.Wait(topics, 5_000_000) is { } topic && life.Take(topic) is > 0 and var number)
            {
                handled++;
                Assert.True(life.Read() >= before);
                life.Publish((int)topic, number);
            }
        }
    }

    private sealed class Shared
    {
        public bool IsHeld { get; set; }

        public long Handled { get; set; }

        /// <summary>When the timer is due, by a clock that its threads read.</summary>
        public long Due { get; set; }

        public long Ticks { get; set; }

        /// <summary>What the last wait found, and nobody has begun with.</summary>
        public uint? Ready { get; set; }

        public bool IsDue { get; set; }

        public HashSet<uint> Busy { get; } = [];

        public Queue<uint> Jobs { get; } = [];
    }

    private static void SpinInTurn(Life life, Shared shared, uint[] topics)
    {
        while (true)
        {
            life.World.Block(() => shared.IsHeld);
            shared.IsHeld = true;
            if (shared.Handled == topics.Length * Messages)
            {
                shared.IsHeld = false;
                return;
            }
            life.Peek();
            uint[] free = [1, .. topics.Where(x => !shared.Busy.Contains(x))];
            var ready = life.Wait(free, 5_000_000);
            if (ready > 1)
            {
                shared.Busy.Add(ready.Value);
            }
            shared.IsHeld = false;
            if (ready > 1)
            {
                if (life.Take(ready.Value) is > 0 and var number)
                {
                    life.Read();
                    life.Publish((int)ready.Value, number);
                    shared.Handled++;
                }
                shared.Busy.Remove(ready.Value);
                life.Trigger(1);
            }
        }
    }

    private static void SpinWithTimer(Life life, Shared shared, uint[] topics, bool stamps)
    {
        const uint timer = 2;
        while (true)
        {
            life.World.Block(() => shared.IsHeld);
            shared.IsHeld = true;
            if (shared.Handled == topics.Length * Messages && shared.Ticks >= Messages)
            {
                shared.IsHeld = false;
                return;
            }
            if (shared.Ready is null && !shared.IsDue)
            {
                uint[] free = [.. topics.Where(x => !shared.Busy.Contains(x)), 1];
                if (shared.Busy.Contains(timer))
                {
                    shared.Ready = life.Wait(free, 5_000_000);
                }
                else
                {
                    (shared.Ready, shared.IsDue) = life.Wait(free, timer, () => shared.Due, Math.Max(0, shared.Due - life.Peek()));
                }
            }
            long tick = 0;
            uint ready = 0;
            if (shared.IsDue)
            {
                shared.IsDue = false;
                if (shared.Busy.Add(timer))
                {
                    // As rcl_timer_call: ticks that were missed are not made up for.
                    var now = life.Call(timer);
                    shared.Due += Period * (((now - shared.Due) / Period) + 1);
                    tick = ++shared.Ticks;
                }
            }
            else if (shared.Ready is { } topic)
            {
                shared.Ready = null;
                ready = topic > 1 && shared.Busy.Add(topic) ? topic : 0;
            }
            shared.IsHeld = false;
            if (tick > 0)
            {
                life.Publish((int)timer, stamps ? (tick << 40) + (life.Read() & 0xff_ffff_ffff) : tick << 40);
                shared.Busy.Remove(timer);
                life.Trigger(1);
            }
            else if (ready > 0)
            {
                if (life.Take(ready) is > 0 and var number)
                {
                    life.Publish((int)ready, number);
                    shared.Handled++;
                }
                shared.Busy.Remove(ready);
                life.Trigger(1);
            }
        }
    }

    private static void WaitFor(Life life, Shared shared, uint[] ids)
    {
        while (shared.Handled < (ids.Length - 1) * Messages)
        {
            if (life.Wait([.. ids.Where(x => !shared.Busy.Contains(x))], 5_000_000) is > 1 and var ready)
            {
                shared.Busy.Add(ready);
                shared.Jobs.Enqueue(ready);
            }
        }
    }

    private static void Work(Life life, Shared shared)
    {
        while (true)
        {
            life.World.Block(() => shared.Jobs.Count == 0 && shared.Handled < 3 * Messages);
            if (!shared.Jobs.TryDequeue(out var topic))
            {
                return;
            }
            if (life.Take(topic) is > 0 and var number)
            {
                life.Read();
                life.Publish((int)topic, number);
                shared.Handled++;
            }
            shared.Busy.Remove(topic);
            life.Trigger(1);
        }
    }

    private static void ReadDevice(Life life, Func<long> device, bool stamps)
    {
        for (var i = 0; i < Messages; i++)
        {
            life.World.Sleep(7_000_000);
            var reading = device();
            life.Publish(1, stamps ? (reading << 40) + (life.Read() & 0xff_ffff_ffff) : reading << 40);
        }
    }

    private static void Try(Func<Life, Func<long>, Action[]> program)
    {
        Exception? first = null;
        var failed = new List<int>();
        for (var seed = Math.Max(0, s_seed); seed < (s_seed < 0 ? s_rounds : s_seed + 1); seed++)
        {
            try
            {
                TryOnce(program, new Random(seed));
            }
            catch (Exception e)
            {
                first ??= e;
                failed.Add(seed);
            }
        }
        if (first is not null)
        {
            var others = failed.Count > 1 ? $" (and seeds {string.Join(", ", failed.Skip(1))})" : "";
            throw new InvalidOperationException($"RMW_CKPT_SEED={failed[0]}{others}: {first.Message}", first);
        }
    }

    private static void TryOnce(Func<Life, Func<long>, Action[]> program, Random random)
    {
        using var scratch = new Scratch();
        long readings = 0;
        var now = Simulation.Begin;
        for (var number = 1u; number <= Lives; number++)
        {
            var world = new Simulation(random, now);
            scratch.Session.Triggered.Clear();
            var journal = scratch.Live(number > 1, world);
            using var life = new Life(world, journal, log => Open(scratch, log), scratch.Session.Triggered, number) { Most = Messages };
            // The last one lives to its end.
            world.Run(number < Lives ? random.Next(10, 3000) : int.MaxValue, program(life, () => ++readings));
            // A process is down for a while.
            now = world.Now + random.Next(1_000_000, 100_000_000);
            Assert.Equal(0, scratch.Slot.ReadInt64(ProcessTable.Divergences));
        }
        foreach (var folder in Directory.GetDirectories(scratch.Folder, "log*"))
        {
            var log = int.Parse(folder[(folder.LastIndexOf("log", StringComparison.Ordinal) + 3)..]);
            using var reader = LogReader.Open(scratch.At / $"log{log}");
            var said = new List<long>();
            for (; reader.TryPeek(out var frame); reader.Advance())
            {
                said.Add(frame.Payload.ReadInt64(0));
            }
            if (log == 1)
            {
                // Each reading of the device once, as it came, but those that a life had and died with.
                var numbers = said.ConvertAll(x => x >> 40);
                Assert.Equal(numbers.Distinct().Order(), numbers);
                Assert.True(numbers.Count >= Messages, $"{numbers.Count} readings");
            }
            else if (log == 2)
            {
                Assert.Equal(Enumerable.Range(1, said.Count).Select(x => (long)x), said.ConvertAll(x => x >> 40));
            }
            else
            {
                Assert.Equal(Enumerable.Range(1, (int)Messages).Select(x => (long)x), said);
            }
        }
    }

    private static LogWriter Open(Scratch scratch, int log) =>
        LogWriter.Open(scratch.At / $"log{log}", new FixedLimits(1 << 20), 0, _ => { });
}
