using FsCheck.Xunit;
using RmwCkpt.Memory;

namespace RmwCkpt.Log.Tests;

public sealed class LogTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData(4096)]
    [InlineData(16384)]
    public void What_is_written_is_read_whatever_its_size(int segment)
    {
        int[] odd = [0, 1, 7, 31, 32, 33, 63, 64, 65, 991, 992, 993, 4000, 4032, 4033, 4064, 5000, 16320, 65536, 300_000];
        using var writer = _scratch.Write(first: 4096, usual: segment);
        using var reader = _scratch.Read();
        for (var i = 0; i < 500; i++)
        {
            var payload = Scratch.Payload(i, odd[(i * 7) % odd.Length]);
            Assert.False(reader.HasNext);
            Assert.Equal((AppendResult.Appended, i + 1), Scratch.Append(writer, payload));
            Assert.True(reader.HasNext);
            Assert.Equal(1, reader.Pending);
            Assert.True(reader.TryPeek(out var frame));
            Assert.Equal(i + 1, frame.Sequence);
            Assert.Equal(payload, frame.Payload.All.ToArray());
            Assert.True(reader.IsIntact);
            reader.Advance();
        }
        using var late = _scratch.Read();
        Assert.Equal(Enumerable.Range(1, 500).Select(i => (long)i), Scratch.Sequences(late));
        Assert.Equal((0, 0), (reader.Lost, late.Lost));
    }

    [Theory]
    [InlineData(0)] // 126 frames of 32 bytes fill 4096 - 64
    [InlineData(160)] // 21 of 192
    [InlineData(1312)] // 3 of 1344
    [InlineData(4000)] // 1 of 4032
    public void A_segment_that_is_full_to_the_byte_needs_no_padding(int size)
    {
        using var writer = _scratch.Write();
        using var reader = _scratch.Read();
        for (var i = 1; i <= 300; i++)
        {
            Assert.False(reader.HasNext);
            Scratch.Append(writer, Scratch.Payload(i, size));
            Assert.True(reader.HasNext);
            Assert.True(reader.TryPeek(out _));
            reader.Advance();
        }
        using var again = _scratch.Write();
        for (var i = 1; i <= 300; i++)
        {
            Assert.Equal((AppendResult.Found, i), Scratch.Append(again, Scratch.Payload(i, size)));
        }
    }

    [Property]
    public void Any_mix_of_sizes_is_read_as_written(ushort[] sizes)
    {
        using var scratch = new Scratch();
        using var writer = scratch.Write();
        for (var i = 0; i < sizes.Length; i++)
        {
            Scratch.Append(writer, Scratch.Payload(i, sizes[i] % 3000));
        }
        using var reader = scratch.Read();
        var read = Scratch.Drain(reader);
        Assert.Equal(sizes.Length, read.Count);
        Assert.All(read, f => Assert.Equal(Scratch.Payload(f.Sequence - 1, sizes[f.Sequence - 1] % 3000), f.Payload));
    }

    [Fact]
    public void A_late_reader_begins_where_it_wants()
    {
        using var writer = _scratch.Write();
        Scratch.AppendMany(writer, 1, 100, 500);
        using var reader = _scratch.Read();

        reader.SeekTail();
        Assert.Equal(101, reader.NextSequence);
        Assert.False(reader.TryPeek(out _));
        reader.SeekSequence(50);
        Assert.Equal(51, Scratch.Sequences(reader).Count);
        reader.SeekSequence(0);
        Assert.Equal(1, reader.NextSequence);
        reader.SeekSequence(1000);
        Assert.Equal(101, reader.NextSequence);
        foreach (var (time, first) in new[] { (0L, 1), (10, 1), (11, 2), (995, 100), (1000, 100), (1001, 101) })
        {
            reader.SeekTime(time);
            Assert.Equal(first, reader.NextSequence);
        }
        Scratch.Append(writer, "new"u8);
        Assert.Equal([101], Scratch.Sequences(reader));
        Assert.Equal(0, reader.Lost);
    }

    [Fact]
    public void A_reader_of_an_empty_log_sees_what_comes()
    {
        using var writer = _scratch.Write();
        using var reader = _scratch.Read();
        reader.SeekTail();
        reader.SeekSequence(9);
        Assert.False(reader.HasNext);
        Scratch.Append(writer, "x"u8);
        Assert.Equal([1], Scratch.Sequences(reader));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20_000)]
    public void Retention_recycles_and_a_slow_reader_loses_what_it_must(long retention)
    {
        using var writer = _scratch.Write(retention);
        using var slow = _scratch.Read();
        Scratch.AppendMany(writer, 1, 1000, 500);

        Assert.InRange(Directory.GetFiles(_scratch.Folder).Length, 2, 3 + (retention / 4096));
        var read = Scratch.Drain(slow);
        Assert.Equal(1000, read.Count + slow.Lost);
        Assert.Equal(1000, read[^1].Sequence);
        Assert.Equal(slow.Lost + 1, read[0].Sequence);
        Assert.All(read, f => Assert.Equal(Scratch.Payload(f.Sequence, 500), f.Payload));
        Assert.True(read.Count * Frame.Align(Frame.HeadSize + 500) >= retention - (2 * 4096));
    }

    [Fact]
    public void Retention_keeps_what_late_joiners_may_ask_for()
    {
        using var writer = _scratch.Write(retention: 0, kept: 100);
        Scratch.AppendMany(writer, 1, 1000, 500);
        using var late = _scratch.Read();
        late.SeekSequence(901);
        Assert.Equal(901, late.NextSequence);
        Assert.Equal(100, Scratch.Sequences(late).Count);
    }

    [Theory]
    [InlineData(1 << 20)]
    [InlineData(64 * 1024)]
    [InlineData(128 << 20)]
    public void A_log_keeps_little_more_than_its_limit(long limit)
    {
        using var writer = LogWriter.Open(_scratch.At, new FixedLimits(limit), 0, _ => { });
        for (var i = 0; i < 160 * 1024; i++)
        {
            writer.Abort(writer.Reserve(1000));
            Scratch.Append(writer, new byte[1000]);
        }
        Assert.InRange(Size(), limit * 3 / 4, Math.Max(limit * 5 / 4, limit + (2 * 20 * 1024)));
    }

    private long Size() => new DirectoryInfo(_scratch.Folder).EnumerateFiles().Sum(f => f.Length);

    [Fact]
    public void A_log_that_fills_slowly_stays_with_small_segments()
    {
        using var writer = LogWriter.Open(_scratch.At, new FixedLimits(128 << 20), 0, _ => { });
        for (var i = 0; i < 200; i++)
        {
            Scratch.Append(writer, new byte[1000], time: i * 1_000_000_000L);
        }
        Assert.InRange(Size(), 200_000, 250_000);
    }

    [Fact]
    public void What_a_snapshot_needs_is_kept_beyond_the_history_and_not_beyond_the_most()
    {
        var limits = new Limits { History = 40_000, NeededSince = long.MaxValue, Most = long.MaxValue };
        using var writer = LogWriter.Open(_scratch.At, limits, 0, _ => { }, 4096, 4096);
        Scratch.AppendMany(writer, 1, 100, 900);
        Assert.InRange(Size(), 30_000, 60_000);
        limits.NeededSince = 10 * 80;
        Scratch.AppendMany(writer, 101, 500, 900);
        using (var reader = _scratch.Read())
        {
            Assert.InRange(reader.NextSequence, 57, 80);
        }
        limits.Most = 100_000;
        writer.Trim();
        Assert.InRange(Size(), 80_000, 108_000);
        Scratch.AppendMany(writer, 501, 900, 900);
        Assert.InRange(Size(), 80_000, 112_000);
    }

    [Fact]
    public void Messages_for_late_joiners_do_not_exceed_the_most()
    {
        var limits = new Limits { History = 0, NeededSince = long.MaxValue, Most = 100_000 };
        using var writer = LogWriter.Open(_scratch.At, limits, long.MaxValue / 2, _ => { }, 4096, 4096);
        Scratch.AppendMany(writer, 1, 50, 900);
        using var late = _scratch.Read();
        Assert.Equal(50, Scratch.Sequences(late).Count);
        Scratch.AppendMany(writer, 51, 1000, 900);
        Assert.InRange(Size(), 80_000, 112_000);
    }

    private sealed class Limits : ILogLimits
    {
        public long History { get; set; }

        public long NeededSince { get; set; }

        public long Most { get; set; }

        public HashSet<uint> Living { get; } = [];

        public bool IsReading(uint process) => Living.Contains(process);
    }

    /// <summary>KEEP_ALL on both sides: the writer can write no more than the log may keep, until who lives has read.</summary>
    [Fact]
    public void What_a_reader_that_is_to_miss_nothing_has_not_read_is_kept()
    {
        var limits = new Limits { History = 10_000, NeededSince = long.MaxValue, Most = 40_000, Living = { 7, 8 } };
        using var writer = LogWriter.Open(_scratch.At, limits, 0, _ => { }, 4096, 4096);
        writer.AwaitsReaders = true;
        using var reader = _scratch.Read();
        reader.Head.AddReader(7);
        reader.Await(7, 1);
        var written = AppendUntilBehind(writer);
        Assert.InRange(written, 30, 50);
        Assert.InRange(Size(), 30_000, 52_000);

        // It has read some, and not all that it can.
        for (var i = 1; i <= 20; i++)
        {
            Assert.True(reader.TryPeek(out var frame));
            Assert.Equal((i, 0), (frame.Sequence, reader.Lost));
            reader.Advance();
        }
        written += AppendUntilBehind(writer);
        Assert.Equal(written - 20, Scratch.Sequences(reader).Count);
        Assert.Equal(0, reader.Lost);

        // Who reads in a slot that nobody lives in, or has said that it reads no more, holds nobody up.
        written += AppendUntilBehind(writer);
        limits.Living.Remove(7);
        Scratch.AppendMany(writer, written + 1, written + 1000, 900);
        Assert.InRange(Size(), 1, 20_000);
        limits.Living.Add(7);
        using var other = _scratch.Read();
        other.Head.AddReader(8);
        other.Await(8, 1);
        Scratch.Drain(reader);
        Assert.NotEqual(0, AppendUntilBehind(writer));
        other.Dispose();
        Scratch.Drain(reader);
        Assert.NotEqual(0, AppendUntilBehind(writer));
        reader.Head.ForgetReader(7);
        var next = (int)writer.NextSequence;
        Scratch.AppendMany(writer, next, next + 1000, 900);
    }

    private static int AppendUntilBehind(LogWriter writer)
    {
        for (var count = 0; ; count++)
        {
            try
            {
                Scratch.Append(writer, Scratch.Payload(writer.NextSequence, 900));
            }
            catch (ReaderBehindException)
            {
                return count;
            }
            Assert.InRange(count, 0, 10_000);
        }
    }

    [Fact]
    public void A_reader_notices_that_its_segment_was_recycled()
    {
        using var writer = _scratch.Write(retention: 0);
        using var reader = _scratch.Read();
        Scratch.AppendMany(writer, 1, 3, 900);
        Assert.True(reader.TryPeek(out var frame));
        Scratch.AppendMany(writer, 4, 20, 900);
        Assert.False(reader.IsIntact);
        Assert.NotEqual(Scratch.Payload(1, 900), frame.Payload.All.ToArray());
        var read = Scratch.Sequences(reader);
        Assert.Equal(20, read.Count + reader.Lost);
        Assert.Equal(20, read[^1]);
    }

    [Fact]
    public void What_is_kept_stays_as_it_is_where_its_segment_is_let_go()
    {
        using var writer = _scratch.Write(retention: 0);
        using var reader = _scratch.Read();
        Scratch.AppendMany(writer, 1, 3, 900);
        Assert.True(reader.TryPeek(out var frame));
        Assert.Equal(4, frame.Payload.Address % 8);
        var kept = reader.Lease(7, 1);
        Assert.NotNull(kept);
        reader.Advance();
        Scratch.AppendMany(writer, 4, 100, 900);
        Assert.Equal(Scratch.Payload(1, 900), frame.Payload.All.ToArray());
        Assert.Null(reader.Lease(7, 1));
        Assert.Equal(100, Scratch.Sequences(reader)[^1]);
        Assert.Equal(Scratch.Payload(1, 900), frame.Payload.All.ToArray());
        kept.Value.Dispose();
        Assert.DoesNotContain(File.ReadLines("/proc/self/maps"), line => line.Contains($"{_scratch.Folder}/0", StringComparison.Ordinal));
    }

    /// <summary>Pages that are there cost a fraction of new ones: a log that is read in place all the time uses its files again too.</summary>
    [Fact]
    public void What_was_kept_and_given_back_is_used_again()
    {
        using var writer = _scratch.Write(retention: 0);
        using var reader = _scratch.Read();
        Scratch.AppendMany(writer, 1, 3, 900);
        Assert.True(reader.TryPeek(out var frame));
        using var own = Mapping.Open(Segment.PathOf(_scratch.At, 0));
        reader.Lease(7, 1)!.Value.Dispose();
        reader.Lease(7, 1)!.Value.Dispose();
        Assert.True(reader.Head.IsLeased(0));
        Scratch.Sequences(reader);
        Scratch.AppendMany(writer, 4, 8, 900);
        Scratch.Sequences(reader);
        Assert.False(reader.Head.IsLeased(0));
        Scratch.AppendMany(writer, 9, 100, 900);
        Assert.NotEqual(0, own.View.ReadInt64(Segment.Number));
    }

    [Fact]
    public void A_rolled_back_reader_leases_again_what_its_later_incarnation_gave_back()
    {
        using var writer = _scratch.Write(retention: 0);
        using var reader = _scratch.Read();
        Scratch.AppendMany(writer, 1, 3, 900);
        Assert.True(reader.TryPeek(out var frame));
        using var kept = reader.Lease(7, 1)!.Value;
        reader.Head.EndLease(LogHead.LeaseMark(7, 1, 0));
        Assert.True(kept.Renew());
        Assert.True(reader.Head.IsLeased(0));
        // What the later incarnation holds, and this one does not know of, is held until it comes to it, or is gone.
        Assert.True(reader.Head.TryLease(LogHead.LeaseMark(7, 1, 1)));
        Assert.True(reader.Head.TryLease(LogHead.LeaseMark(7, 1, 1)));
        Assert.True(reader.Head.TryLease(LogHead.LeaseMark(8, 1, 1)));
        reader.Head.ForgetReader(7);
        Assert.False(reader.Head.IsLeased(0));
        Assert.True(reader.Head.IsLeased(1));
        reader.Head.EndLease(LogHead.LeaseMark(8, 1, 1));
        Assert.False(reader.Head.IsLeased(1));
        Scratch.AppendMany(writer, 4, 100, 900);
        Assert.False(kept.Renew());
    }

    [Fact]
    public void More_holders_than_there_is_room_for_hold_all()
    {
        using var writer = _scratch.Write(retention: 0);
        for (var reader = 0u; reader < 33; reader++)
        {
            using var head = LogHead.Open(_scratch.At);
            Assert.Equal(reader < 32, head.TryLease(LogHead.LeaseMark(7, reader, 0)));
        }
        using var late = _scratch.Read();
        Scratch.AppendMany(writer, 1, 1, 900);
        Assert.True(late.TryPeek(out _));
        late.Lease(8, 1)!.Value.Dispose();
        Assert.True(late.Head.IsLeased(99));
    }

    [Theory]
    [InlineData(Frame.Kind, 0x03)]
    [InlineData(Frame.Flags, 0x80)]
    [InlineData(Frame.Incarnation, 0xff)]
    [InlineData(Frame.Crc, 0x01)]
    [InlineData(Frame.Sequence, 0x03)]
    [InlineData(Frame.Sequence, 0x01)]
    [InlineData(Frame.Sequence + 7, 0x80)]
    [InlineData(Frame.Time, 0x01)]
    [InlineData(Frame.HeadSize, 0x01)]
    [InlineData(Frame.HeadSize + 99, 0x01)]
    public void A_damaged_frame_is_passed_and_counted(int at, int flip)
    {
        using var writer = _scratch.Write();
        Scratch.AppendMany(writer, 1, 20, 100);
        var offset = Segment.HeadSize + (3 * Frame.Align(Frame.HeadSize + 100)) + at;
        _scratch.Damage("0", offset, (byte)(File.ReadAllBytes(Segment.PathOf(_scratch.At, 0).FullName)[offset] ^ flip));
        using var reader = _scratch.Read();
        while (reader.HasNext && reader.NextSequence < 4)
        {
            Assert.True(reader.TryPeek(out _));
            reader.Advance();
        }
        Assert.Equal([.. Enumerable.Range(5, 16).Select(i => (long)i)], Scratch.Sequences(reader));
        Assert.Equal(1, reader.Lost);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(100_000)]
    [InlineData(int.MaxValue)]
    [InlineData(0)] // behind it the writer has left: no hole
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    public void A_damaged_length_costs_the_rest_of_its_segment(int length)
    {
        using var writer = _scratch.Write();
        using var reader = _scratch.Read();
        Scratch.AppendMany(writer, 1, 11, 980); // three in a segment
        _scratch.Damage("1", Segment.HeadSize + 1024, BitConverter.GetBytes(length));
        Assert.Equal([1, 2, 3, 4, 7, 8, 9, 10, 11], Scratch.Sequences(reader));
        Assert.Equal(2, reader.Lost);
        Assert.Equal(0, reader.Pending);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(int.MaxValue)]
    [InlineData(int.MinValue)]
    public void A_incarnation_that_finds_a_damaged_length_goes_on_in_a_new_segment(int length)
    {
        using (var writer = _scratch.Write())
        {
            Scratch.AppendMany(writer, 1, 2, 1000);
        }
        _scratch.Damage("0", Segment.HeadSize + Frame.Align(Frame.HeadSize + 1000), BitConverter.GetBytes(length));
        using var reader = _scratch.Read();
        using var next = _scratch.Write();
        Assert.Equal((AppendResult.Found, 1), Scratch.Append(next, Scratch.Payload(1, 1000)));
        var (result, sequence) = Scratch.Append(next, Scratch.Payload(2, 1000), incarnation: 2);
        Assert.Equal(AppendResult.Appended, result);
        Assert.Equal([1, sequence], Scratch.Sequences(reader));
    }

    [Fact]
    public void Frames_of_an_overtaken_incarnation_are_dropped_and_counted_but_a_reader_may_go_back()
    {
        using var writer = _scratch.Write();
        foreach (var incarnation in new[] { 1u, 2u, 1u, 2u })
        {
            Scratch.Append(writer, "x"u8, incarnation);
        }
        using var reader = _scratch.Read();
        Assert.Equal([1, 2, 4], Scratch.Sequences(reader));
        Assert.Equal(1, reader.Lost);
        reader.SeekSequence(1);
        Assert.Equal([1, 2, 4], Scratch.Sequences(reader));
    }
}
