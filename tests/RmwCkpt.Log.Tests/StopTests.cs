using RmwCkpt.Tests;
using Xunit.Abstractions;

namespace RmwCkpt.Log.Tests;

/// <summary>C2 of the test regime: the log core in one thread, stopped at single stores.</summary>
public sealed class StopTests(ITestOutputHelper output)
{
    /// <summary>RMW_CKPT_SEEDS sets another number; RMW_CKPT_SEED repeats one.</summary>
    private const int Seeds = 10_000;

    public static TheoryData<int, int> Sizes => new() { { 10, 20 }, { 3000, 3000 }, { 4000, 0 }, { 2000, 6000 } };

    private static IEnumerable<int[]> Schedules() =>
        from bits in Enumerable.Range(0, 16)
        where int.PopCount(bits) == 2
        select (int[])[bits & 1, (bits >> 1) & 1, (bits >> 2) & 1, bits >> 3];

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Two_records_of_two_writers_survive_a_stop_at_every_store(int first, int second)
    {
        var runs = 0;
        foreach (var schedule in Schedules())
        {
            var plan = new Plan(schedule, [first, second], long.MaxValue / 2, first == 10, first == 3000, first == 2000);
            for (var snapshotAt = -1; snapshotAt < schedule.Length; snapshotAt++)
            {
                for (var (stopAt, ended) = (1, false); !ended; stopAt++)
                {
                    using var incarnations = new Incarnations(plan);
                    ended = incarnations.Live(stopAt, snapshotAt: snapshotAt) > 0;
                    incarnations.Live(0, restored: incarnations.HasSnapshot);
                    incarnations.Finish();
                    runs++;
                }
                Scratch.Sweep();
            }
        }
        output.WriteLine($"{runs} runs");
    }

    [Theory]
    [InlineData(10, 3000)]
    [InlineData(4000, 0)]
    public void Two_stops_at_two_stores_are_survived(int first, int second)
    {
        var runs = 0;
        var step = Math.Max(1, Variables.Number("RMW_CKPT_STEP") ?? 3);
        var plan = new Plan([0, 0, 1], [first, second], long.MaxValue / 2, false, false, first == 4000);
        for (var (stopAt, ended) = (1, false); !ended; stopAt++)
        {
            // Of the second stops each third, another third for each first one; RMW_CKPT_STEP=1 takes all.
            for (var (again, over) = (1 + (stopAt % step), false); !over; again += step)
            {
                using var incarnations = new Incarnations(plan);
                ended = incarnations.Live(stopAt, snapshotAt: 1) > 0;
                over = incarnations.Live(again, restored: again % 2 == 0 && incarnations.HasSnapshot) > 0;
                incarnations.Live(0);
                incarnations.Finish();
                runs++;
            }
            Scratch.Sweep();
        }
        output.WriteLine($"{runs} runs");
    }

    [Fact]
    public void Random_lives_with_recycling_lose_and_repeat_nothing()
    {
        if (Variables.Number("RMW_CKPT_SEED") is { } one)
        {
            RunSeed(one);
            return;
        }
        var seeds = Variables.Number("RMW_CKPT_SEEDS") ?? Seeds;
        var start = Environment.TickCount;
        var incarnations = 0;
        Parallel.For(0, (seeds + 499) / 500, new ParallelOptions { MaxDegreeOfParallelism = 2 }, block =>
        {
            for (var seed = block * 500; seed < Math.Min(seeds, (block + 1) * 500); seed++)
            {
                try
                {
                    Interlocked.Add(ref incarnations, RunSeed(seed));
                }
                catch (Exception e)
                {
                    throw new InvalidOperationException($"RMW_CKPT_SEED={seed} repeats it", e);
                }
            }
            Scratch.Sweep();
        });
        output.WriteLine($"{seeds} seeds, {incarnations} incarnations, {Environment.TickCount - start} ms");
    }

    private static int RunSeed(int seed)
    {
        var random = new Random(seed);
        int[] sizes = [0, 1, 31, 32, 33, random.Next(1000), random.Next(3000), random.Next(6000), 4000, 1312];
        random.Shuffle(sizes);
        var logs = 1 + random.Next(2);
        var schedule = new int[2 + random.Next(10)];
        for (var i = 0; i < schedule.Length; i++)
        {
            schedule[i] = random.Next(logs);
        }
        var plan = new Plan(
            schedule, sizes[..(1 + random.Next(4))], random.Next(2) == 0 ? random.Next(20_000) : long.MaxValue / 2,
            random.Next(4) == 0, random.Next(4) == 0, random.Next(3) == 0);
        var laziness = random.Next(4) == 0 ? 200 : 1 + random.Next(4);
        using var incarnations = new Incarnations(plan, () => random.Next(laziness) == 0);
        var deaths = 1 + random.Next(3);
        for (var i = 0; i < deaths; i++)
        {
            incarnations.Live(1 + random.Next(40 * schedule.Length), random.Next(2) == 0 && incarnations.HasSnapshot, random.Next(-2, schedule.Length));
        }
        incarnations.Live(0, random.Next(2) == 0 && incarnations.HasSnapshot);
        incarnations.Finish();
        return deaths + 1;
    }
}
