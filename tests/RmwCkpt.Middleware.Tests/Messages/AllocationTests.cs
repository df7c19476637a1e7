using RmwCkpt.Log;

namespace RmwCkpt.Middleware.Tests.Messages;

public sealed class AllocationTests : IDisposable
{
    private const int Times = 10_000;
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private static void AllocatesNothing(Action<int> step, int times = Times)
    {
        for (var i = 0; i < 200; i++)
        {
            step(i);
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < times; i++)
        {
            step(i);
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    /// <summary>A log whose next segment has room for all of it.</summary>
    private LogWriter Warm()
    {
        var writer = LogWriter.Open(_scratch.At, new FixedLimits(1 << 30), 0, _ => { });
        writer.Commit(writer.Reserve(2 << 20), 2 << 20, 0, 1, 0, new Origin(0, 0, Novelty.Replayed), out _);
        return writer;
    }

    [Fact]
    public void Publishing_allocates_nothing()
    {
        using var writer = Warm();
        AllocatesNothing(i =>
        {
            var reservation = writer.Reserve(64);
            reservation.Payload.Write(0, i);
            writer.Commit(reservation, 64, 0, 1, i, new Origin(0, 0, Novelty.Replayed), out _);
        });
    }

    [Fact]
    public void Replayed_publishing_allocates_nothing()
    {
        using (var writer = Warm())
        {
            for (var i = 0; i < Times + 200; i++)
            {
                writer.Commit(writer.Reserve(64), 64, 0, 1, i, new Origin(0, 0, Novelty.Replayed), out _);
            }
        }
        using var next = Warm();
        var found = 0;
        AllocatesNothing(i =>
        {
            var reservation = next.Reserve(64);
            reservation.Payload.All.Clear();
            found += next.Commit(reservation, 64, 0, 1, i, new Origin(0, 0, Novelty.Replayed), out _) == AppendResult.Found ? 1 : 0;
        });
        Assert.Equal(Times + 200, found);
    }

    [Fact]
    public void Reading_allocates_nothing()
    {
        using var writer = Warm();
        for (var i = 0; i < Times + 200; i++)
        {
            writer.Commit(writer.Reserve(64), 64, 0, 1, i, new Origin(0, 0, Novelty.Replayed), out _);
        }
        using var reader = LogReader.Open(_scratch.At);
        var read = 0L;
        AllocatesNothing(_ =>
        {
            if (reader.HasNext && reader.TryPeek(out var frame) && reader.IsIntact)
            {
                read = frame.Sequence;
                reader.Advance();
            }
        });
        Assert.Equal(Times + 200, read);
        reader.SeekTail();
        AllocatesNothing(_ => Assert.False(reader.HasNext || reader.TryPeek(out var _)));
    }

    [Fact]
    public void Lending_allocates_nothing()
    {
        const int Size = 4000;
        using var writer = LogWriter.Open(_scratch.At, new FixedLimits(4 << 20), 0, _ => { });
        using var reader = LogReader.Open(_scratch.At);
        AllocatesNothing(_ => writer.Return(writer.Borrow(Size)!));
        void Lend(int i)
        {
            writer.Commit(writer.Borrow(Size)!, Size, 0, 1, i, new Origin(0, 0, Novelty.Replayed), out _);
            Assert.True(reader.TryPeek(out var _));
            reader.Advance();
        }
        // A segment takes 128, and is begun by the last ones of these; there are files enough soon.
        for (var i = 190; i < 128 * 20; i++)
        {
            Lend(i);
        }
        AllocatesNothing(Lend, 50);
    }

    [Fact]
    public void The_journal_allocates_nothing()
    {
        const int OneFile = Journal.CellsPerFile - 300;
        using var journal = Journal.Open(_scratch.At, null);
        AllocatesNothing(i => journal.TryAppend(new Cell(1, 2, 3, i)), OneFile);
        journal.Seek(0);
        AllocatesNothing(
            _ =>
            {
                journal.TryPeek(out var _);
                journal.Advance();
            },
            OneFile);
    }

    [Fact]
    public void Going_through_the_readers_allocates_nothing()
    {
        using var writer = Warm();
        for (var slot = 0u; slot < 4096; slot += 63)
        {
            writer.Head.AddReader(slot);
        }
        var next = -1;
        AllocatesNothing(_ => next = writer.Head.NextReader(next));
    }
}
