using System.Buffers.Binary;

namespace RmwCkpt.Log.Tests;

public sealed class StressTests : IDisposable
{
    private const int Messages = 1_000_000;

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private static int SizeOf(long sequence) => 8 + (int)(sequence * 7919 % 300);

    [Theory]
    [InlineData(0)]
    [InlineData(200_000)]
    [InlineData(long.MaxValue / 2)]
    public async Task One_writer_and_three_readers_lose_only_what_is_counted(long retention)
    {
        using var writer = _scratch.Write(retention, usual: 64 * 1024);
        var readers = Array.ConvertAll(new Action[] { Read, Read, Read }, r => Task.Factory.StartNew(r, TaskCreationOptions.LongRunning));
        for (var i = 1L; i <= Messages; i++)
        {
            var reservation = writer.Reserve(SizeOf(i));
            reservation.Payload.All.Fill((byte)i);
            BinaryPrimitives.WriteInt64LittleEndian(reservation.Payload.All, i);
            writer.Commit(reservation, SizeOf(i), 0, 1, i, Scratch.Replayed, out _);
        }
        await Task.WhenAll(readers);
    }

    private void Read()
    {
        using var reader = _scratch.Read();
        var (last, read, torn) = (reader.NextSequence - 1, 0L, 0L);
        var began = last;
        var bytes = new byte[512];
        while (last < Messages)
        {
            if (!reader.HasNext || !reader.TryPeek(out var frame))
            {
                Thread.Yield();
                continue;
            }
            var payload = bytes.AsSpan(0, frame.Payload.Length);
            frame.Payload.All.CopyTo(payload);
            if (!reader.IsIntact)
            {
                // Not passed: it is counted as lost at the next.
                torn++;
                continue;
            }
            Assert.True(frame.Sequence > last);
            Assert.Equal(frame.Sequence, BinaryPrimitives.ReadInt64LittleEndian(payload));
            Assert.Equal(SizeOf(frame.Sequence), payload.Length);
            Assert.Equal(-1, payload[8..].IndexOfAnyExcept((byte)frame.Sequence));
            Assert.Equal(frame.Sequence, frame.Time);
            last = frame.Sequence;
            read++;
            reader.Advance();
        }
        Assert.Equal(Messages - began, read + reader.Lost);
        Assert.True(torn <= reader.Lost);
    }
}
