namespace RmwCkpt.Log.Tests;

/// <summary>Logs whose folder somebody removes while they are written and read.</summary>
public sealed class RemovedLogTests : IDisposable
{
    private const int Lent = 5000;
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    /// <param name="before">How many messages of each kind are written before it is made again.</param>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(30)]
    [InlineData(200)]
    public void Who_reads_on_misses_nothing_and_who_is_new_finds_it(int before)
    {
        using var writer = _scratch.Write(first: 65536, usual: 65536);
        using var reader = _scratch.Read();
        var said = 0;
        Say(4);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], Scratch.Sequences(reader));
        Say(2);
        var half = writer.Borrow(Lent)!;
        half.Payload.Write(0, (byte)77);
        Directory.Delete(_scratch.Folder, recursive: true);

        Say(before);
        writer.Remake();
        half.Payload.Write(1, (byte)78);
        writer.Commit(half, Lent, 0, 1, 0, Scratch.Replayed, out var sequence);
        Assert.Equal(++said, sequence);
        Say(2);
        reader.Renew();
        var heard = Scratch.Drain(reader);
        Assert.Equal(Enumerable.Range(9, said - 8).Select(x => (long)x), heard.Select(x => x.Sequence));
        foreach (var (number, payload) in heard)
        {
            Assert.Equal(number == sequence ? (byte)77 : Scratch.Payload(number, 8)[0], payload[0]);
        }
        Assert.Equal(78, heard.Single(x => x.Sequence == sequence).Payload[1]);

        using var another = _scratch.Read();
        var last = Scratch.Sequences(another);
        // Also what stood in the segment that was written then and left meanwhile.
        Assert.Equal((1, said), (last[0], last[^1]));
        Assert.Equal(Enumerable.Range((int)last[0], last.Count).Select(x => (long)x), last);
        Say(1);
        Assert.Equal(2, Scratch.Drain(reader).Count);
        Assert.Equal(2, Scratch.Drain(another).Count);

        void Say(int times)
        {
            for (var i = 0; i < times; i++)
            {
                Scratch.Append(writer, [.. Scratch.Payload(++said, 8), .. new byte[992]]);
                Scratch.Lend(writer, [.. Scratch.Payload(++said, 8), .. new byte[Lent - 8]], Lent);
            }
        }
    }

    [Fact]
    public void A_new_log_is_made_where_all_was_removed()
    {
        Directory.Delete(_scratch.Folder, recursive: true);
        using var writer = _scratch.Write();
        Scratch.Append(writer, Scratch.Payload(1, 10));
        using var reader = _scratch.Read();
        Assert.Equal([1], Scratch.Sequences(reader));
    }

    [Fact]
    public void What_nobody_had_mapped_is_counted_as_lost()
    {
        using var writer = _scratch.Write();
        using var reader = _scratch.Read();
        Scratch.AppendMany(writer, 1, 40, 1000);
        Assert.True(reader.TryPeek(out _));
        Directory.Delete(_scratch.Folder, recursive: true);
        writer.Remake();
        Scratch.AppendMany(writer, 41, 50, 1000);
        var heard = Scratch.Sequences(reader);
        reader.Renew();
        heard.AddRange(Scratch.Sequences(reader));
        Assert.Equal(1, heard[0]);
        Assert.Equal(50, heard[^1]);
        Assert.Equal(50, heard.Count + reader.Lost);
        Assert.True(reader.Lost > 0);
    }
}
