using RmwCkpt.Memory;

namespace RmwCkpt.Log.Tests;

/// <summary>Messages that are written where they are read. (Incarnations that end in the middle of it are in StopTests.)</summary>
public sealed class LoanTests : IDisposable
{
    private const int Size = 5000;

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private int Files => Directory.GetFiles(_scratch.Folder, "loans-*").Length;

    [Fact]
    public void What_is_lent_is_read_where_it_was_written_and_in_order_with_copies()
    {
        using var writer = _scratch.Write();
        using var reader = _scratch.Read();
        var first = writer.Borrow(Size)!;
        var second = writer.Borrow(Size)!;
        Scratch.Append(writer, Scratch.Payload(1, Size));
        Scratch.Payload(3, Size).CopyTo(first.Payload.All);
        Scratch.Payload(2, Size).CopyTo(second.Payload.All);
        Assert.Equal(AppendResult.Appended, writer.Commit(second, Size, 0, 1, 20, Scratch.Replayed, out var sequence));
        Assert.Equal(2, sequence);
        writer.Commit(first, Size, Frame.Recovered, 1, 30, Scratch.Replayed, out _);

        reader.SeekSequence(3);
        Assert.True(reader.HasNext);
        Assert.True(reader.TryPeek(out var frame));
        Assert.Equal((3, 30, 1u, Frame.Recovered), (frame.Sequence, frame.Time, frame.Incarnation, frame.Flags));
        first.Payload.Write(7, (byte)~frame.Payload.ReadByte(7));
        Assert.Equal(first.Payload.Span(0, Size).ToArray(), frame.Payload.All.ToArray());
        first.Payload.Write(7, Scratch.Payload(3, Size)[7]);
        reader.SeekFirst();
        Assert.Equal([.. Enumerable.Range(1, 3).Select(i => Scratch.Payload(i, Size))], Scratch.Drain(reader).ConvertAll(m => m.Payload));
        Assert.True(reader.Head.Bytes > 3 * Size);
    }

    [Fact]
    public void What_is_returned_is_lent_again_and_nobody_hears_of_it()
    {
        using var writer = _scratch.Write();
        using var reader = _scratch.Read();
        for (var i = 0; i < 100; i++)
        {
            var loan = writer.Borrow(Size)!;
            loan.Payload.All.Fill(0xee);
            writer.Return(loan);
        }
        Assert.False(reader.TryPeek(out _));
        Assert.Equal(1, Files);
        Assert.Null(writer.Borrow(8192 - LoanFile.Lead + 1));
        Assert.Null(writer.Borrow(int.MaxValue));
    }

    [Fact]
    public void Large_copies_go_into_slots_if_they_are_much_alike()
    {
        using var writer = _scratch.Write();
        using var reader = _scratch.Read();
        Assert.Null(writer.BorrowForCopy(LogWriter.LargeFrom - 1));
        var sequence = 0L;
        foreach (var size in new[] { 200_000, 253_892, 191_000, LogWriter.LargeFrom })
        {
            var loan = writer.BorrowForCopy(size);
            Assert.Equal(size >= 191_000, loan is not null);
            if (loan is not null)
            {
                Scratch.Payload(size, size).CopyTo(loan.Payload.All);
                Assert.Equal(AppendResult.Appended, writer.Commit(loan, size, 0, 1, 0, Scratch.Replayed, out sequence));
                Assert.Equal(Scratch.Payload(size, size), Assert.Single(Scratch.Drain(reader)).Payload);
            }
        }
        Assert.Equal(3, sequence);
        Assert.Null(writer.BorrowForCopy(253_893));
        Assert.Equal((AppendResult.Appended, 4), Scratch.Append(writer, Scratch.Payload(1, 300_000)));
        Assert.Equal(Scratch.Payload(1, 300_000), Assert.Single(Scratch.Drain(reader)).Payload);

        // An incarnation whose first large one is another: the slots are as large as they are.
        using var next = _scratch.Write();
        Assert.Null(next.BorrowForCopy(500_000));
        Assert.Null(next.BorrowForCopy(120_000));
        Assert.NotNull(next.BorrowForCopy(200_000));
    }

    [Fact]
    public void Files_are_used_again_when_what_is_in_them_is_let_go()
    {
        using var writer = _scratch.Write(retention: 40_000);
        using var reader = _scratch.Read();
        for (var i = 1; i <= 500; i++)
        {
            Assert.Equal((AppendResult.Appended, i), Scratch.Lend(writer, Scratch.Payload(i, Size), Size));
            Assert.Equal(Scratch.Payload(i, Size), Assert.Single(Scratch.Drain(reader)).Payload);
        }
        Assert.Equal(0, reader.Lost);
        Assert.InRange(Files, 2, 12);
    }

    /// <summary>Segments grow with what is copied, and shrink again: one that only refers to others needs little.</summary>
    [Fact]
    public void A_copy_now_and_then_makes_no_large_segments_for_long()
    {
        using var writer = LogWriter.Open(_scratch.At, new FixedLimits(1 << 30), 0, _ => { });
        for (var i = 1; i <= 2000; i++)
        {
            _ = i % 1000 == 500 ? Scratch.Append(writer, new byte[100_000]) : Scratch.Lend(writer, "x"u8, 100_000);
        }
        var sizes = Directory.GetFiles(_scratch.Folder).Where(x => long.TryParse(Path.GetFileName(x), out _))
            .Select(x => new FileInfo(x).Length).ToList();
        Assert.True(sizes.Count(x => x == 16 * 1024) > sizes.Count * 3 / 4, string.Join(" ", sizes));
    }

    [Fact]
    public void What_is_lent_for_long_costs_no_more_than_itself()
    {
        using var writer = _scratch.Write(retention: 40_000);
        using var reader = _scratch.Read();
        Scratch.Lend(writer, Scratch.Payload(1, Size), Size);
        Assert.True(reader.TryPeek(out _));
        using var kept = reader.Lease(7, 1)!.Value;
        var lent = Enumerable.Range(0, 20).Select(_ => writer.Borrow(Size)!).ToList();
        for (var i = 2; i <= 500; i++)
        {
            Scratch.Lend(writer, Scratch.Payload(i, Size), Size);
        }
        Assert.InRange(Files, 20, 34);
        Assert.Equal(20, lent.Distinct().Count());
    }

    [Fact]
    public void A_message_whose_segment_is_leased_stays_as_it_is()
    {
        using var writer = _scratch.Write(retention: 0);
        using var reader = _scratch.Read();
        Scratch.Lend(writer, Scratch.Payload(1, Size), Size);
        Assert.True(reader.TryPeek(out var frame));
        var kept = reader.Lease(7, 1)!.Value;
        reader.Advance();
        for (var i = 2; i <= 50; i++)
        {
            Scratch.Lend(writer, Scratch.Payload(i, Size), Size);
        }
        Scratch.Sequences(reader);
        Assert.True(kept.IsIntact);
        Assert.Equal(Scratch.Payload(1, Size), frame.Payload.All.ToArray());
        var files = Files;

        // Given back, perhaps by a later incarnation of the reader than one that still believes that it has it.
        reader.Head.EndLease(LogHead.LeaseMark(7, 1, 0));
        for (var i = 51; i <= 100; i++)
        {
            Scratch.Lend(writer, Scratch.Payload(i, Size), Size);
        }
        Assert.Equal(files, Files);
        Assert.False(kept.IsIntact);
        reader.Dispose();
        Assert.Equal(Size, frame.Payload.All.ToArray().Length);
        kept.Dispose();
    }

    [Fact]
    public void A_log_of_which_no_file_is_used_again_lends_nothing_more()
    {
        using var writer = _scratch.Write();
        var loan = writer.Borrow(Size)!;
        writer.Head.KeepFiles();
        Assert.Null(writer.Borrow(Size));
        Assert.Equal(AppendResult.Appended, writer.Commit(loan, Size, 0, 1, 0, Scratch.Replayed, out _));
    }

    [Fact]
    public void What_is_detached_keeps_what_is_in_it_is_nobody_elses_and_is_copied()
    {
        using var writer = _scratch.Write();
        using var reader = _scratch.Read();
        using var file = Mapping.Open(MakeFile(writer));
        var loan = writer.Borrow(Size)!;
        loan.Payload.All.Fill(0x11);
        writer.DetachLoans();
        writer.DetachLoans();
        Assert.True(loan.IsDetached);
        Assert.Equal(0x11, file.View.ReadByte(LoanFile.HeadSize + LoanFile.Lead));
        Assert.Equal(-1, loan.Payload.All.IndexOfAnyExcept((byte)0x11));
        loan.Payload.All.Fill(0x22);
        Assert.Equal(0x11, file.View.ReadByte(LoanFile.HeadSize + LoanFile.Lead));
        Assert.Equal(AppendResult.Appended, writer.Commit(loan, Size, 0, 1, 0, Scratch.Replayed, out _));
        Assert.Equal(-1, Assert.Single(Scratch.Drain(reader)).Payload.AsSpan().IndexOfAnyExcept((byte)0x22));

        // Then it is a file's again.
        var again = writer.Borrow(Size)!;
        Assert.Same(loan, again);
        again.Payload.All.Fill(0x33);
        Assert.Equal(0x33, file.View.ReadByte(LoanFile.HeadSize + LoanFile.Lead));
        writer.Return(again);
    }

    private TrustedPath MakeFile(LogWriter writer)
    {
        writer.Return(writer.Borrow(Size)!);
        return LoanFile.PathOf(_scratch.At, 0);
    }

    /// <summary>A thread that writes to what is lent, while it is detached under it, loses nothing of what it has written.</summary>
    [Fact]
    public void Detaching_loses_no_store_of_another_thread()
    {
        const int Pages = 64 * 4096;
        using var writer = _scratch.Write();
        for (var round = 1; round <= 50; round++)
        {
            var loan = writer.Borrow(Pages)!;
            loan.Payload.All.Clear();
            using var started = new ManualResetEventSlim();
            var thread = new Thread(() =>
            {
                for (var value = 1; value <= 20; value++)
                {
                    for (var offset = 0; offset < Pages; offset += 64)
                    {
                        loan.Payload.Write(offset, value);
                        started.Set();
                        Assert.Equal(value, loan.Payload.ReadInt32(offset));
                    }
                }
            });
            thread.Start();
            started.Wait();
            writer.DetachLoans();
            thread.Join();
            for (var offset = 0; offset < Pages; offset += 64)
            {
                Assert.Equal(20, loan.Payload.ReadInt32(offset));
            }
            writer.Return(loan);
        }
    }

    [Fact]
    public void What_a_dead_incarnation_had_lent_is_lent_again()
    {
        using var restored = _scratch.Write();
        var kept = restored.Borrow(Size)!;
        restored.DetachLoans();
        using (var previous = _scratch.Write())
        {
            // Which has the one that is detached too, and publishes it.
            Assert.True(kept.Change(LoanFile.Borrowed, 0));
            for (var i = 0; i < 7; i++)
            {
                Assert.NotNull(previous.Borrow(Size));
            }
        }
        var files = Files;
        restored.RenewLoans();
        var lent = Enumerable.Range(0, 5).Select(_ => restored.Borrow(Size)!).ToList();
        Assert.DoesNotContain(kept, lent);
        Assert.Equal(files, Files);
        lent.ForEach(restored.Return);

        // A process that is started again.
        using var next = _scratch.Write();
        for (var i = 0; i < 6; i++)
        {
            Assert.NotNull(next.Borrow(Size));
        }
        Assert.Equal(files, Files);
    }

    [Fact]
    public void What_is_returned_is_left_alone_where_another_incarnation_has_published_it()
    {
        using var restored = _scratch.Write();
        var kept = restored.Borrow(Size)!;
        kept.Payload.All.Fill(0x11);
        restored.DetachLoans();
        using var previous = _scratch.Write();
        Assert.True(kept.Change(LoanFile.Borrowed, 0));
        Assert.Equal((AppendResult.Appended, 1), Scratch.Lend(previous, Scratch.Payload(1, Size), Size));
        restored.Return(kept);
        for (var i = 1; i <= 8; i++)
        {
            Scratch.Lend(restored, Scratch.Payload(i, Size), Size, incarnation: 2, flags: Frame.Recovered);
        }
        using var reader = _scratch.Read();
        Assert.Equal([.. Enumerable.Range(1, 8).Select(i => Scratch.Payload(i, Size))], Scratch.Drain(reader).ConvertAll(m => m.Payload));
    }

    /// <summary>The snapshot fell between the borrowing and the look whether one is being taken.</summary>
    [Fact]
    public void What_the_incarnation_that_went_on_has_given_back_is_not_this_incarnations()
    {
        using var restored = _scratch.Write();
        var loan = restored.Borrow(Size)!;
        Assert.True(restored.Keep(loan));
        Assert.True(loan.Change(LoanFile.Borrowed, 0));
        Assert.False(restored.Keep(loan));
        Assert.Same(loan, restored.Borrow(Size));

        // Nor referred to, where it was not asked.
        Scratch.Payload(1, Size).CopyTo(loan.Payload.All);
        Assert.True(loan.Change(LoanFile.Borrowed, 7));
        Assert.Equal(AppendResult.Appended, restored.Commit(loan, Size, 0, 2, 0, Scratch.Replayed, out _));
        Assert.Equal(7, loan.FreeFrom);
        Assert.Equal(Frame.Data, File.ReadAllBytes(Segment.PathOf(_scratch.At, restored.Head.LastSegment).FullName)[Segment.HeadSize + Frame.Kind]);
    }

    [Fact]
    public void The_next_incarnation_finds_what_was_lent_and_what_was_copied_whichever_way_it_says_it()
    {
        using var first = _scratch.Write();
        for (var i = 1; i <= 40; i++)
        {
            _ = i % 2 == 0 ? Scratch.Lend(first, Scratch.Payload(i, Size), Size) : Scratch.Append(first, Scratch.Payload(i, Size));
        }
        using var next = _scratch.Write();
        for (var i = 1; i <= 40; i++)
        {
            var said = i % 3 == 0
                ? Scratch.Append(next, Scratch.Payload(i, Size), incarnation: 2)
                : Scratch.Lend(next, Scratch.Payload(i == 7 ? 99 : i, Size), Size, incarnation: 2);
            Assert.Equal((i == 7 ? AppendResult.Differs : AppendResult.Found, i), said);
        }
        Assert.Equal((AppendResult.Appended, 41), Scratch.Lend(next, Scratch.Payload(41, Size), Size, incarnation: 2));
    }

    [Theory]
    [InlineData("loans-0", LoanFile.HeadSize + LoanFile.Lead + 99)] // the message
    [InlineData("0", Segment.HeadSize + Frame.HeadSize + LoanReference.File)]
    [InlineData("0", Segment.HeadSize + Frame.HeadSize + LoanReference.Offset + 2)]
    [InlineData("0", Segment.HeadSize + Frame.HeadSize + LoanReference.Length + 3)]
    [InlineData("0", Segment.HeadSize + Frame.HeadSize + LoanReference.Crc)]
    public void A_damaged_one_is_counted_and_passed(string file, int offset)
    {
        using var writer = _scratch.Write();
        Scratch.Lend(writer, Scratch.Payload(1, Size), Size);
        Scratch.Append(writer, "two"u8);
        var there = File.ReadAllBytes(Path.Combine(_scratch.Folder, file))[offset];
        _scratch.Damage(file, offset, (byte)~there);
        using var reader = _scratch.Read();
        Assert.Equal([2], Scratch.Sequences(reader));
        Assert.Equal(1, reader.Lost);
    }
}
