using RmwCkpt.Memory;

namespace RmwCkpt.Log.Tests;

public sealed class JournalTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private static Cell CellOf(long i) => new((byte)(1 + (i % 253)), (uint)i & 0xffffff, (uint)~i, -i, (ushort)(i * 7));

    private static void Append(Journal journal, long to)
    {
        while (journal.Position < to)
        {
            Assert.True(journal.TryAppend(CellOf(journal.Position)));
        }
    }

    /// <summary>Reads to the end; the position there.</summary>
    private static long Replay(Journal journal)
    {
        while (journal.TryPeek(out var cell))
        {
            Assert.Equal(CellOf(journal.Position), cell);
            journal.Advance();
        }
        return journal.Position;
    }

    [Fact]
    public void Cells_are_read_over_files_by_their_owner_and_beside_it()
    {
        using var journal = Journal.Open(_scratch.At, null);
        using var beside = Journal.OpenToRead(_scratch.At);
        foreach (var end in new long[] { 0, 1, 100, Journal.CellsPerFile, Journal.CellsPerFile + 1, 3 * Journal.CellsPerFile, 50_000 })
        {
            Append(journal, end);
            Assert.False(journal.HasNext);
            Assert.Equal(end, Replay(beside));
        }
        journal.Seek(Journal.CellsPerFile - 1);
        Assert.False(journal.TryAppend(CellOf(0)));
        Assert.Equal(50_000, Replay(journal));
        using var next = Journal.Open(_scratch.At, null);
        Assert.Equal(50_000, Replay(next));
    }

    [Fact]
    public void Looking_past_the_end_of_a_file_makes_none()
    {
        using var journal = Journal.Open(_scratch.At, null);
        Append(journal, Journal.CellsPerFile);
        Assert.False(journal.HasNext);
        Assert.Single(Directory.GetFiles(_scratch.Folder));
        Append(journal, Journal.CellsPerFile + 1);
        Assert.Equal(2, Directory.GetFiles(_scratch.Folder).Length);
    }

    [Fact]
    public void Retention_keeps_the_newest_files()
    {
        using var journal = Journal.Open(_scratch.At, new FixedLimits(3 * Journal.FileSize));
        Append(journal, 10 * Journal.CellsPerFile);
        Assert.Equal(7 * Journal.CellsPerFile, journal.First);
        Assert.Equal(3, Directory.GetFiles(_scratch.Folder).Length);
        using var next = Journal.Open(_scratch.At, new FixedLimits(3 * Journal.FileSize));
        Assert.Equal(journal.First, next.Position);
        Assert.Equal(journal.Position, Replay(next));
    }

    [Fact]
    public void A_journal_torn_at_any_byte_gives_exactly_the_whole_cells_before()
    {
        const int Cells = 64;
        using (var journal = Journal.Open(_scratch.At, null))
        {
            Append(journal, Cells);
        }
        var file = Path.Combine(_scratch.Folder, "0");
        var whole = File.ReadAllBytes(file);
        using var torn = Mapping.Open(_scratch.At / "0");
        for (var cut = Journal.HeadSize + (Cells * Journal.CellSize); cut >= Journal.HeadSize; cut--)
        {
            torn.View.Span(cut, Journal.FileSize - cut).Clear();
            using var journal = Journal.Open(_scratch.At, null);
            var before = (cut - Journal.HeadSize) / Journal.CellSize;
            for (var i = 0; i < before; i++)
            {
                Assert.True(journal.TryPeek(out var cell));
                Assert.Equal(CellOf(i), cell);
                journal.Advance();
            }
        }
        Assert.Equal(whole[..64], File.ReadAllBytes(file)[..64]);
    }

    [Fact]
    public void Each_bit_of_a_cell_that_changes_is_noticed_and_passed_among_others()
    {
        using (var journal = Journal.Open(_scratch.At, null))
        {
            Append(journal, 3);
        }
        var whole = File.ReadAllBytes(Path.Combine(_scratch.Folder, "0"));
        for (var bit = 0; bit < 8 * (Journal.CellSize - 4); bit++)
        {
            var at = Journal.HeadSize + Journal.CellSize + (bit / 8);
            _scratch.Damage("0", at, (byte)(whole[at] ^ (1 << (bit % 8))));
            using var journal = Journal.Open(_scratch.At, null);
            journal.Advance();
            // A kind of 0xff is a claim.
            Assert.True(!journal.TryPeek(out var cell) || cell == new Cell(Cell.Damaged, 0, 0, 0), $"bit {bit}");
            journal.Advance();
            Assert.True(journal.TryPeek(out cell));
            Assert.Equal(CellOf(2), cell);
            _scratch.Damage("0", at, whole[at]);
        }
    }

    [Fact]
    public void A_claim_without_a_commit_is_no_cell_and_is_claimed_again()
    {
        using (var journal = Journal.Open(_scratch.At, null))
        {
            Append(journal, 3);
        }
        _scratch.Damage("0", Journal.HeadSize + (3 * Journal.CellSize), [0xff, 0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7]);
        using var next = Journal.Open(_scratch.At, null);
        using var beside = Journal.OpenToRead(_scratch.At);
        Assert.Equal(3, Replay(beside));
        Assert.Equal(3, Replay(next));
        Append(next, 5);
        Assert.Equal(5, Replay(beside));
    }

    [Theory]
    [InlineData(0, 6)]
    [InlineData(Journal.CellsPerFile - 3, Journal.CellsPerFile + 3)] // over the end of a file
    public void A_stop_at_every_store_loses_and_repeats_nothing(long from, long to)
    {
        var runs = 0;
        for (var (stopAt, ended) = (1, false); !ended; stopAt++)
        {
            foreach (var snapshotAt in new[] { -1, from, from + 2, from + 5 })
            {
                ended = StoppedOnce(from, to, stopAt, snapshotAt);
                runs++;
            }
        }
        Scratch.Sweep();
        Assert.True(runs > 4 * 6 * (to - from));
    }

    /// <summary>An incarnation stopped at a point, the next one; whether the point was beyond the first one's end.</summary>
    private static bool StoppedOnce(long from, long to, int stopAt, long snapshotAt)
    {
        using var scratch = new Scratch();
        using (var before = Journal.Open(scratch.At, null))
        {
            Append(before, from);
        }
        using var beside = Journal.OpenToRead(scratch.At);
        Journal? first = null;
        Journal? snapshot = null;
        var points = StoppedException.Run(
            () =>
            {
                first = Journal.Open(scratch.At, null);
                Replay(first);
                while (first.Position < to)
                {
                    if (first.Position == snapshotAt)
                    {
                        snapshot = Journal.Open(scratch.At, null);
                        snapshot.Seek(snapshotAt);
                    }
                    Assert.True(first.TryAppend(CellOf(first.Position)));
                }
            },
            stopAt,
            () => Replay(beside));
        var committed = Replay(beside);
        var next = snapshot ?? Journal.Open(scratch.At, null);
        Assert.Equal(committed, Replay(next));
        Append(next, to);
        Assert.Equal(to, Replay(beside));
        first?.Dispose();
        next.Dispose();
        return points > 0;
    }
}
