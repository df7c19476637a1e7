using FsCheck.Xunit;

namespace RmwCkpt.Log.Tests;

public sealed class ReaderMapTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private static List<int> All(LogHead head)
    {
        var all = new List<int>();
        for (var reader = head.NextReader(-1); reader >= 0; reader = head.NextReader(reader))
        {
            all.Add(reader);
        }
        return all;
    }

    [Fact]
    public void Every_slot_is_found_alone_and_beside_its_neighbours()
    {
        using var writer = _scratch.Write();
        Assert.Equal(-1, writer.Head.NextReader(-1));
        for (var slot = 0u; slot < 4096; slot++)
        {
            writer.Head.AddReader(slot);
            Assert.True(writer.Head.HasReader(slot));
            Assert.Equal((int)slot, writer.Head.NextReader(-1));
            Assert.Equal((int)slot, writer.Head.NextReader((int)slot - 1));
            Assert.Equal(-1, writer.Head.NextReader((int)slot));
            writer.Head.RemoveReader(slot);
            Assert.False(writer.Head.HasReader(slot));
            Assert.True(writer.Head.WasReader(slot));
            Assert.False(writer.Head.WasReader((slot + 1) % 4096) && slot < 4095);
        }
        for (var slot = 0u; slot < 4096; slot++)
        {
            writer.Head.AddReader(slot);
        }
        Assert.Equal([.. Enumerable.Range(0, 4096)], All(writer.Head));
        Assert.Equal(-1, writer.Head.NextReader(4095));
    }

    [Property]
    public void Readers_come_in_order_as_from_a_sorted_set((bool Add, ushort Slot)[] changes)
    {
        using var scratch = new Scratch();
        using var writer = scratch.Write();
        var set = new SortedSet<int>();
        foreach (var (add, any) in changes)
        {
            // Word boundaries more often than chance has them.
            var slot = (uint)((any & 3) switch { 0 => any & 0xfc0, 1 => (any & 0xfc0) | 63, _ => any & 0xfff });
            if (add || (any & 4) != 0)
            {
                writer.Head.AddReader(slot);
                set.Add((int)slot);
            }
            else
            {
                writer.Head.RemoveReader(slot);
                set.Remove((int)slot);
            }
        }
        Assert.Equal([.. set], All(writer.Head));
        for (var from = -1; from < 4096; from += 61)
        {
            Assert.Equal(set.Where(s => s > from).Append(-1).First(), writer.Head.NextReader(from));
        }
    }
}
