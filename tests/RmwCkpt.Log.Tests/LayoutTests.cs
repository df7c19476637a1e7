using RmwCkpt.Memory;

namespace RmwCkpt.Log.Tests;

public sealed class LayoutTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void Crc32C_is_that_of_RFC_3720()
    {
        // RFC 3720, B.4: 32 bytes of zeroes, of ones, ascending.
        using var buffer = new NativeBuffer();
        var region = buffer.Ensure(32);
        region.All.Clear();
        Assert.Equal(0x8a9136aau, region.Crc32C(0, 32));
        region.All.Fill(0xff);
        Assert.Equal(0x62a8ab43u, region.Crc32C(0, 32));
        for (var i = 0; i < 32; i++)
        {
            region.Write(i, (byte)i);
        }
        Assert.Equal(0x46dd794eu, region.Crc32C(0, 32));
        Assert.NotEqual(0u, region.Crc32C(3, 7));
    }

    [Fact]
    public void A_region_refuses_what_is_not_within_it()
    {
        using var buffer = new NativeBuffer();
        var region = buffer.Ensure(16);
        Assert.Equal(0, region.Slice(16, 0).Length);
        foreach (var (offset, size) in new[] { (-1, 1), (0, 17), (16, 1), (13, 4), (int.MaxValue, 8), (int.MinValue, 8) })
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => region.Slice(offset, size).Length);
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => region.ReadInt64(9));
        Assert.Throws<ArgumentException>(() => region.WriteText(0, 4, "four"));
        region.WriteText(0, 5, "four");
        Assert.Equal("four", region.ReadText(0, 16));
    }

    [Fact]
    public void A_frame_is_laid_out_as_documented()
    {
        using var writer = _scratch.Write();
        var reservation = writer.Reserve(5);
        "hello"u8.CopyTo(reservation.Payload.All);
        writer.Commit(reservation, 5, Frame.Recovered, 7, 99, new Origin(55, 66, Novelty.New), out _);

        var file = File.ReadAllBytes(Segment.PathOf(_scratch.At, 0).FullName);
        Assert.Equal(4096, file.Length);
        Assert.Equal("RCKTSEG3"u8.ToArray(), file[..8]);
        Assert.Equal(0, BitConverter.ToInt64(file, 8));
        Assert.Equal(1, BitConverter.ToInt64(file, 16));
        Assert.Equal(4096, BitConverter.ToInt32(file, 24));
        var frame = file[64..128];
        Assert.Equal(49, BitConverter.ToInt32(frame, 0));
        Assert.Equal(1, frame[4]);
        Assert.Equal(1, frame[5]);
        Assert.Equal(7u, BitConverter.ToUInt32(frame, 8));
        Assert.Equal(1, BitConverter.ToInt64(frame, 16));
        Assert.Equal(99, BitConverter.ToInt64(frame, 24));
        Assert.Equal(55, BitConverter.ToInt64(frame, 32));
        Assert.Equal(66u, BitConverter.ToUInt32(frame, 40));
        Assert.Equal("hello"u8.ToArray(), frame[44..49]);
        Assert.All(file[113..], b => Assert.Equal(0, b));
    }

    [Fact]
    public void A_head_is_laid_out_as_documented()
    {
        using (var writer = LogWriter.Open(_scratch.At, new FixedLimits(0), 0, m => m.WriteText(0, m.Length, "about"), 4096, 4096))
        {
            writer.Head.AddReader(65);
            writer.Head.AddReader(66);
            writer.Head.RemoveReader(66);
            Scratch.Append(writer, "x"u8, time: 55);
            writer.Head.Asserted = 77;
            writer.Head.KeepFiles();
            Assert.True(writer.Head.TryLease(LogHead.LeaseMark(0xabc, 0x7712345, 0x89abcdef)));
            writer.Head.Await(0xabc, 0x7712345, 0x89abcdef);
        }
        var head = File.ReadAllBytes(Path.Combine(_scratch.Folder, LogHead.FileName));
        Assert.Equal(4096, head.Length);
        Assert.Equal(LogHead.MagicValue, BitConverter.ToUInt64(head, 0));
        Assert.Equal(5u, BitConverter.ToUInt32(head, 8));
        Assert.Equal(0xabc_12345_89abcdf0ul, BitConverter.ToUInt64(head, 3072));
        Assert.Equal(0, BitConverter.ToInt64(head, 64));
        Assert.Equal(0, BitConverter.ToInt64(head, 72));
        Assert.Equal(1, BitConverter.ToInt64(head, 80));
        Assert.Equal(128, BitConverter.ToInt64(head, 88));
        Assert.Equal(45, BitConverter.ToInt64(head, 96));
        Assert.Equal(55, BitConverter.ToInt64(head, 104));
        Assert.Equal(77, BitConverter.ToInt64(head, 112));
        Assert.Equal(2u, BitConverter.ToUInt64(head, 128));
        Assert.Equal(1u, BitConverter.ToUInt64(head, 136));
        Assert.Equal(2u, BitConverter.ToUInt64(head, 200));
        Assert.Equal(6u, BitConverter.ToUInt64(head, 712));
        Assert.Equal(0xabc1234589abcdeful, BitConverter.ToUInt64(head, 1280));
        Assert.All(head[1288..1536], b => Assert.Equal(0, b));
        Assert.Equal("about"u8.ToArray(), head[1536..1541]);
    }

    [Fact]
    public void A_lent_message_is_laid_out_as_documented()
    {
        using var writer = _scratch.Write(usual: 16 * 4096);
        var loan = writer.Borrow(5000)!;
        Assert.Equal(0, (loan.Payload.Address + 4) % 64);
        Assert.Equal(long.MaxValue, BitConverter.ToInt64(File.ReadAllBytes(LoanFile.PathOf(_scratch.At, 0).FullName), 64));
        "hello"u8.CopyTo(loan.Payload.All);
        writer.Commit(loan, 5, 0, 7, 99, Scratch.Replayed, out _);
        Scratch.Lend(writer, "more"u8, 5000);

        // The first file has one slot, each that follows twice as many, up to a segment's bytes.
        Assert.Equal(4096 + 8192, File.ReadAllBytes(LoanFile.PathOf(_scratch.At, 0).FullName).Length);
        var file = File.ReadAllBytes(LoanFile.PathOf(_scratch.At, 1).FullName);
        Assert.Equal(4096 + (2 * 8192), file.Length);
        Assert.Equal("RCKLOAN1"u8.ToArray(), file[..8]);
        Assert.Equal(1, BitConverter.ToInt32(file, 8));
        Assert.Equal(8192, BitConverter.ToInt32(file, 12));
        Assert.Equal(2, BitConverter.ToInt32(file, 16));
        Assert.Equal(1, BitConverter.ToInt64(file, 64));
        Assert.Equal(0, BitConverter.ToInt64(file, 72));
        Assert.Equal("more"u8.ToArray(), file[4156..4160]);

        var frame = File.ReadAllBytes(Segment.PathOf(_scratch.At, 0).FullName)[128..];
        Assert.Equal(44 + 16, BitConverter.ToInt32(frame, 0));
        Assert.Equal(3, frame[4]);
        Assert.Equal(1, BitConverter.ToInt32(frame, 44));
        Assert.Equal(4156, BitConverter.ToInt32(frame, 48));
        Assert.Equal(4, BitConverter.ToInt32(frame, 52));
        Assert.Equal(CrcOf("more"u8), BitConverter.ToUInt32(frame, 56));
    }

    private static uint CrcOf(ReadOnlySpan<byte> bytes)
    {
        using var buffer = new NativeBuffer();
        bytes.CopyTo(buffer.Ensure(bytes.Length).All);
        return buffer.Region.Crc32C(0, bytes.Length);
    }

    [Fact]
    public void A_journal_cell_is_laid_out_as_documented()
    {
        using (var journal = Journal.Open(_scratch.At, null))
        {
            Assert.True(journal.TryAppend(new Cell(0xfd, 0xabcdef, 0x12345678, -2, 0x4321)));
        }
        var file = File.ReadAllBytes(Path.Combine(_scratch.Folder, "0"));
        Assert.Equal(64 * 1024, file.Length);
        Assert.Equal(2728, Journal.CellsPerFile);
        Assert.Equal(Journal.MagicValue, BitConverter.ToUInt64(file, 0));
        Assert.Equal(0x4321_abcdef_fdul, BitConverter.ToUInt64(file, 64) & 0xffff_ffff_ffff);
        Assert.Equal(-2, BitConverter.ToInt64(file, 72));
        Assert.Equal(0x12345678u, BitConverter.ToUInt64(file, 80));
        var crc = 0xffffffffu;
        foreach (var word in new[] { 0x4321_abcdef_fdul, unchecked((ulong)-2), 0x12345678ul, 0ul })
        {
            crc = System.Numerics.BitOperations.Crc32C(crc, word);
        }
        Assert.Equal((ushort)crc, BitConverter.ToUInt16(file, 70));
    }

    [Theory]
    [InlineData(0, 0x00)] // magic
    [InlineData(8, 0x01)] // version
    public void A_head_with_a_wrong_byte_is_refused(int offset, byte value)
    {
        _scratch.Write().Dispose();
        _scratch.Damage(LogHead.FileName, offset, value);
        Assert.Throws<InvalidDataException>(() => _scratch.Read());
        Assert.Throws<InvalidDataException>(() => _scratch.Write());
    }

    [Theory]
    [InlineData(0, 0x00)] // magic
    [InlineData(8, 0x01)] // number
    [InlineData(24, 0x01)] // size
    [InlineData(27, 0x80)] // size
    public void A_segment_with_a_wrong_byte_is_refused(int offset, byte value)
    {
        _scratch.Write().Dispose();
        _scratch.Damage("0", offset, value);
        Assert.Throws<InvalidDataException>(() => _scratch.Read());
        Assert.Throws<InvalidDataException>(() => _scratch.Write());
        Assert.Throws<InvalidDataException>(() => Segment.Open(_scratch.At, 0));
    }

    [Theory]
    [InlineData(0, 0x00)] // magic
    [InlineData(8, 0x01)] // number
    [InlineData(13, 0x01)] // size of a slot
    [InlineData(16, 0x00)] // slots
    public void A_file_of_lent_messages_with_a_wrong_byte_is_refused(int offset, byte value)
    {
        using var writer = _scratch.Write();
        Scratch.Lend(writer, "x"u8, 5000);
        _scratch.Damage("loans-0", offset, value);
        Assert.Throws<InvalidDataException>(() => LoanFile.Open(_scratch.At, 0, writable: false));
        using var next = _scratch.Write();
        Assert.Throws<InvalidDataException>(() => next.Borrow(5000));
        using var reader = _scratch.Read();
        Assert.False(reader.TryPeek(out _));
    }

    [Theory]
    [InlineData(LogHead.FileName)]
    [InlineData("0")]
    public void A_file_of_another_size_is_refused(string name)
    {
        _scratch.Write().Dispose();
        foreach (var length in new[] { 1, 31, 64, 95, 4095, 8192 })
        {
            using (var file = File.OpenWrite(Path.Combine(_scratch.Folder, name)))
            {
                file.SetLength(length);
            }
            Assert.Throws<InvalidDataException>(() => _scratch.Read());
        }
        File.WriteAllBytes(Path.Combine(_scratch.Folder, name), []);
        Assert.Throws<PosixException>(() => _scratch.Read());
        Assert.Null(Segment.Open(_scratch.At, 7));
    }

    [Theory]
    [InlineData(0, 0x00)] // magic
    [InlineData(8, 0x01)] // number
    public void A_journal_file_with_a_wrong_byte_is_refused(int offset, byte value)
    {
        Journal.Open(_scratch.At, null).Dispose();
        _scratch.Damage("0", offset, value);
        Assert.Throws<InvalidDataException>(() => Journal.Open(_scratch.At, null));
        Assert.Throws<InvalidDataException>(() => Journal.OpenToRead(_scratch.At));
        Assert.Throws<DirectoryNotFoundException>(() => Journal.OpenToRead(_scratch.At / "none"));
    }

    [Fact]
    public void A_log_that_is_not_there_is_an_io_exception()
    {
        Assert.Equal(Posix.Enoent, Assert.Throws<PosixException>(() => _scratch.Read()).Errno);
        _scratch.Write().Dispose();
        File.Delete(Segment.PathOf(_scratch.At, 0).FullName);
        Assert.Throws<InvalidDataException>(() => _scratch.Read());
        Assert.Throws<InvalidDataException>(() => _scratch.Write());
    }
}
