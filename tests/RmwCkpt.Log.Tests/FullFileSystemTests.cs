using RmwCkpt.Memory;
using RmwCkpt.Tests;

namespace RmwCkpt.Log.Tests;

public sealed class FullFileSystemTests : IDisposable
{
    private readonly SmallFileSystem _files = new("1m");
    private readonly Scratch _scratch;

    public FullFileSystemTests() => _scratch = new Scratch(_files.At);

    public void Dispose()
    {
        _scratch.Dispose();
        _files.Dispose();
    }

    [SmallFileSystemFact]
    public void A_log_that_fills_the_file_system_goes_on_in_its_oldest_files()
    {
        using var writer = _scratch.Write(usual: 128 * 1024);
        using var reader = _scratch.Read();
        Scratch.AppendMany(writer, 1, 5000, 1000);
        var read = Scratch.Drain(reader);
        Assert.Equal(5000, read.Count + reader.Lost);
        Assert.InRange(read.Count, 400, 1000);
        Assert.Equal(5000, read[^1].Sequence);
        Assert.All(read, f => Assert.Equal(Scratch.Payload(f.Sequence, 1000), f.Payload));

        // An incarnation that was killed now finds what is left, and goes on.
        using var next = _scratch.Write(usual: 128 * 1024);
        for (var i = 1; i <= 5000; i++)
        {
            Assert.Equal((AppendResult.Found, i), Scratch.Append(next, Scratch.Payload(i, 1000), incarnation: 2));
        }
        Assert.Equal((AppendResult.Appended, 5001), Scratch.Append(next, "x"u8, incarnation: 2));
        Assert.Equal([5001], Scratch.Sequences(reader));
    }

    /// <summary>Somebody else has filled it. A log that has one segment has a file in reserve.</summary>
    [SmallFileSystemFact]
    public void A_small_log_goes_on_where_nothing_is_free()
    {
        using var writer = LogWriter.Open(_scratch.At, new FixedLimits(1 << 30), 0, _ => { });
        using var reader = _scratch.Read();
        Scratch.AppendMany(writer, 1, 1, 100);
        _files.Fill(free: 0);
        for (var i = 2; i <= 2000; i++)
        {
            Scratch.AppendMany(writer, i, i, 100);
            Assert.InRange(Scratch.Sequences(reader).Count, 1, 2);
        }
        Assert.Equal(0, reader.Lost);

        // One as large as a file that it has finds room too; a larger one does not, and costs nothing.
        Scratch.AppendMany(writer, 2001, 2001, 12_000);
        Assert.Equal(2001, Scratch.Sequences(reader)[^1]);
        Assert.Equal(Posix.Enospc, Assert.Throws<PosixException>(() => writer.Reserve(20_000)).Errno);
        for (var i = 2002; i <= 2100; i++)
        {
            Scratch.AppendMany(writer, i, i, 100);
            Assert.Equal([i], Scratch.Sequences(reader));
        }

        // There is room again.
        _files.Empty();
        Scratch.AppendMany(writer, 2101, 2101, 20_000);
        Assert.Equal([2101], Scratch.Sequences(reader));
    }

    /// <summary>Whenever its writer is killed, and started again by its command.</summary>
    [SmallFileSystemFact]
    public void A_small_log_is_taken_over_and_goes_on_where_nothing_is_free()
    {
        var incarnation = LogWriter.Open(_scratch.At, new FixedLimits(1 << 30), 0, _ => { });
        _files.Fill(free: 0);
        for (int said = 0, last = 90; last < 900; last += 90)
        {
            for (; said < last; said++)
            {
                Scratch.AppendMany(incarnation, said + 1, said + 1, 100);
            }
            incarnation.Dispose();
            incarnation = LogWriter.Open(_scratch.At, new FixedLimits(1 << 30), 0, _ => { });
            for (var i = 1; i <= said; i++)
            {
                Assert.Equal((AppendResult.Found, i), Scratch.Append(incarnation, Scratch.Payload(i, 100), incarnation: 2));
            }
        }
        incarnation.Dispose();
    }

    [SmallFileSystemFact]
    public void A_large_first_message_finds_room_in_the_only_segment()
    {
        using var writer = LogWriter.Open(_scratch.At, new FixedLimits(1 << 30), 0, _ => { });
        using var reader = _scratch.Read();
        Scratch.AppendMany(writer, 1, 10, 1000);
        _files.Fill(free: 0);
        Scratch.AppendMany(writer, 11, 20, 10_000);
        Assert.Equal(20, Scratch.Sequences(reader)[^1]);
    }

    [SmallFileSystemFact]
    public void Messages_are_lent_where_the_oldest_were_while_nothing_is_free()
    {
        using var writer = LogWriter.Open(_scratch.At, new FixedLimits(600_000), 0, _ => { });
        using var reader = _scratch.Read();
        Scratch.Lend(writer, "x"u8, 100_000);
        Scratch.Lend(writer, "x"u8, 100_000);
        _files.Fill(free: 0);
        for (var i = 3; i <= 20; i++)
        {
            Assert.Equal((AppendResult.Appended, i), Scratch.Lend(writer, Scratch.Payload(i, 90_000), 100_000));
        }
        var read = Scratch.Drain(reader);
        Assert.Equal(20, read[^1].Sequence);
        Assert.Equal(Scratch.Payload(20, 90_000), read[^1].Payload);
    }

    [SmallFileSystemFact]
    public void A_log_without_space_for_a_message_to_lend_says_so_and_changes_nothing()
    {
        using var writer = _scratch.Write();
        using var reader = _scratch.Read();
        var lent = writer.Borrow(100_000)!;
        var files = Directory.GetFiles(_scratch.Folder).ToDictionary(f => f, File.ReadAllBytes);
        _files.Take(850 * 1024);
        Assert.Equal(Posix.Enospc, Assert.Throws<PosixException>(() => writer.Borrow(100_000)).Errno);
        Assert.Equal(files, Directory.GetFiles(_scratch.Folder).ToDictionary(f => f, File.ReadAllBytes));
        writer.Commit(lent, 100_000, 0, 1, 0, Scratch.Replayed, out _);
        _files.Empty();
        Assert.Equal((AppendResult.Appended, 2), Scratch.Lend(writer, "x"u8, 100_000));
        Assert.Equal([1, 2], Scratch.Sequences(reader));
    }

    [SmallFileSystemFact]
    public void A_journal_without_space_for_a_file_says_so_and_changes_nothing()
    {
        using var journal = Journal.Open(_scratch.At, null);
        _files.Take(920 * 1024);
        for (var i = 0; i < Journal.CellsPerFile; i++)
        {
            Assert.True(journal.TryAppend(new Cell(1, 0, 0, i)));
        }
        Assert.False(journal.HasNext);
        Assert.Equal(Posix.Enospc, Assert.Throws<PosixException>(() => journal.TryAppend(new Cell(1, 0, 0, 0))).Errno);
        Assert.Equal(Journal.CellsPerFile, journal.Position);
        Assert.Single(Directory.GetFiles(_scratch.Folder));
        _files.Empty();
        Assert.True(journal.TryAppend(new Cell(1, 0, 0, 0)));
    }

    [SmallFileSystemFact]
    public void A_journal_that_had_no_space_begins_anew()
    {
        using var journal = Journal.Open(_scratch.At, null);
        using var restored = Journal.Open(_scratch.At, null);
        _files.Fill(free: 0);
        while (journal.Position < Journal.CellsPerFile)
        {
            journal.TryAppend(new Cell(1, 0, 0, 0));
        }
        Assert.Throws<PosixException>(() => journal.TryAppend(new Cell(1, 0, 0, 0)));
        Assert.Throws<PosixException>(journal.BeginAnew);
        Assert.Equal((0, Journal.CellsPerFile), (journal.First, journal.Position));
        _files.Empty();
        journal.BeginAnew();
        Assert.True(journal.TryAppend(new Cell(2, 0, 0, 0)));
        Assert.Equal((2 * Journal.CellsPerFile, (2 * Journal.CellsPerFile) + 1), (journal.First, journal.Position));

        // What was done meanwhile stands nowhere: who comes from before does not take what is there now for it.
        restored.Seek(Journal.CellsPerFile);
        Assert.False(restored.HasNext);
        using var next = Journal.Open(_scratch.At, null);
        Assert.True(next.TryPeek(out var cell));
        Assert.Equal((2, journal.First), (cell.Kind, next.Position));
    }

    [SmallFileSystemFact]
    public void A_log_without_space_for_its_head_says_so_and_can_be_made_later()
    {
        _files.Take((1024 - 4) * 1024);
        Assert.Equal(Posix.Enospc, Assert.Throws<PosixException>(() => _scratch.Write().NextSequence).Errno);
        _files.Empty();
        using var writer = _scratch.Write();
        Assert.Equal((AppendResult.Appended, 1), Scratch.Append(writer, "x"u8));
    }

    /// <summary>What a domain keeps from others is for who makes a log or a journal, and used up by that.</summary>
    [SmallFileSystemFact]
    public void Where_others_have_filled_it_who_joins_takes_of_the_spare_room()
    {
        var folder = _scratch.At.Folder;
        SpareRoom.Fill(folder, 128 * 1024, free: 1 << 20);
        _files.Fill(free: 0);
        using (var writer = LogWriter.Open(_scratch.At / "log", new FixedLimits(1 << 30), 0, _ => { }))
        using (var journal = Journal.Open(_scratch.At / "journal", null))
        {
            Assert.Equal((AppendResult.Appended, 1), Scratch.Append(writer, "x"u8));
            Assert.True(journal.TryAppend(new Cell(1, 0, 0, 0)));
        }
        Assert.Equal((128 - 16 - 4 - 4 - 64) * 1024, SpareRoom.SizeOf(folder));
        Assert.Throws<PosixException>(() => Journal.Open(_scratch.At / "other", null));
        Assert.Equal(0, SpareRoom.SizeOf(folder));

        // It is filled up where as much stays free.
        _files.Empty();
        _files.Fill(free: 200 * 1024);
        SpareRoom.Fill(folder, 128 * 1024, free: 200 * 1024);
        Assert.Equal(0, SpareRoom.SizeOf(folder));
        SpareRoom.Fill(folder, 64 * 1024, free: 200 * 1024);
        Assert.Equal(64 * 1024, SpareRoom.SizeOf(folder));
    }

    /// <summary>
    /// What is said at once, as by who catches up, must not go round in a first segment: readers have not read it. Of what is
    /// spare, a log takes no more than any may have, and nothing that those who join need.
    /// </summary>
    [SmallFileSystemFact]
    public void Where_others_have_filled_it_a_small_log_takes_of_the_spare_room_for_what_is_said_at_once()
    {
        using var files = new SmallFileSystem("4m");
        using var scratch = new Scratch(files.At);
        SpareRoom.Fill(scratch.At.Folder, SpareRoom.ForThoseWhoJoin + (256 * 1024), free: 4 << 20);
        files.Fill(free: 0);
        using var writer = LogWriter.Open(scratch.At, new FixedLimits(1 << 30), 0, _ => { });
        using var reader = scratch.Read();
        Scratch.AppendMany(writer, 1, 400, 100);
        Assert.Equal(Enumerable.Range(1, 400).Select(x => (long)x), Scratch.Sequences(reader));
        Assert.Equal(0, reader.Lost);

        Scratch.AppendMany(writer, 401, 5000, 100);
        Assert.InRange(SpareRoom.SizeOf(scratch.At.Folder), SpareRoom.ForThoseWhoJoin, SpareRoom.ForThoseWhoJoin + ((256 - 64) * 1024));
    }
}
