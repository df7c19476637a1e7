using RmwCkpt.Middleware.Entities;

namespace RmwCkpt.Middleware.Tests.Entities;

public sealed class GuardFlagsTests
{
    private const uint Session = 3u << 24;
    private readonly GuardFlags _flags = new();

    [Fact]
    public void Those_that_are_triggered_are_found_among_thousands_and_no_others()
    {
        // Every other entity is a guard condition, in three chunks; one waits for a part of them, the last first.
        var places = Enumerable.Range(0, GuardFlags.ChunkSize).ToDictionary(i => (uint)i * 2, i => _flags.Make((uint)i * 2));
        uint[] ids = [.. places.Keys.Where(id => id % 3 != 0).Reverse().Select(id => Session | id)];
        var ready = new byte[ids.Length];
        Array.Fill(ready, (byte)9);
        Assert.True(_flags.TryFindTriggered(ids, ready, out var any));
        Assert.False(any);
        Assert.All(ready, x => Assert.Equal(0, x));
        uint[] triggered = [2, 6, 4096, 4094, 8186];
        foreach (var id in triggered)
        {
            places[id].Chunk[places[id].Index] = GuardFlags.Triggered;
        }
        Assert.True(_flags.TryFindTriggered(ids, ready, out any));
        Assert.True(any);
        Assert.Equal(
            triggered.Where(id => id % 3 != 0).Order(),
            ids.Where((_, i) => ready[i] == 1).Select(id => id & ~Session).Order());
    }

    [Fact]
    public void Too_many_are_not_looked_for_one_by_one()
    {
        var ids = Enumerable.Range(1, 1000).Select(i => Session | (uint)i).ToArray();
        foreach (var id in ids)
        {
            var (chunk, index) = _flags.Make(id & ~Session);
            chunk[index] = GuardFlags.Triggered;
        }
        Assert.False(_flags.TryFindTriggered(ids, new byte[ids.Length], out _));
        Assert.Equal(GuardFlags.Triggered, GuardFlags.Of(_flags.Chunks, 1000));
        Assert.Equal(GuardFlags.None, GuardFlags.Of(_flags.Chunks, 1001));
        Assert.Equal(GuardFlags.None, GuardFlags.Of(_flags.Chunks, 100_000));
    }
}
