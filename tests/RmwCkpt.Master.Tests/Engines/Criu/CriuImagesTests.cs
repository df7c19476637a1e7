using System.Buffers.Binary;
using Google.Protobuf;
using RmwCkpt.Master.Engines.Criu;
using RmwCkpt.Master.Engines.Criu.Images;

namespace RmwCkpt.Master.Tests.Engines.Criu;

public sealed class CriuImagesTests
{
    private static byte[] Image(params IMessage[] entries)
    {
        using var image = new MemoryStream();
        image.Write(new byte[8]);
        foreach (var entry in entries)
        {
            var length = new byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(length, entry.CalculateSize());
            image.Write(length);
            entry.WriteTo(image);
        }
        return image.ToArray();
    }

    [Fact]
    public void Frozen_time_is_freezing_and_frozen() => Assert.Equal(
        7_000_000, CriuImages.Frozen(Image(new Stats { Dump = new DumpStats { FreezingTime = 3000, FrozenTime = 4000 } })));

    [Fact]
    public void Cut_anywhere_statistics_are_zero_or_right()
    {
        var image = Image(new Stats { Dump = new DumpStats { FreezingTime = 3000, FrozenTime = 4000 } });
        for (var cut = 0; cut < image.Length; cut++)
        {
            Assert.Equal(0, CriuImages.Frozen(image.AsSpan(0, cut)));
        }
    }

    [Fact]
    public void Files_have_the_descriptors_that_they_are_open_as()
    {
        using var scratch = new Scratch();
        var folder = scratch.Folder.Images;
        (folder / "files.img").WriteAll(Image(
            new FileEntry { Type = 1, Id = 5, Reg = new RegularFile { Id = 5, Name = "/tmp/out", Flags = 0x401, Pos = 12, Size = 40 } },
            new FileEntry { Type = 2, Id = 6 },
            new FileEntry { Type = 1, Id = 7, Reg = new RegularFile { Id = 7, Name = "/lib/x.so", Size = 99 } },
            new FileEntry { Type = 1, Id = 8, Reg = new RegularFile { Id = 8, Name = "/dev/null" } }));
        (folder / "fdinfo-2.img").WriteAll(Image(
            new FdInfo { Id = 5, Fd = 1, Type = 1 }, new FdInfo { Id = 5, Fd = 2, Type = 1 }, new FdInfo { Id = 8, Fd = 0, Type = 1 }));
        var files = CriuImages.ReadFiles(folder);
        Assert.Equal(["/tmp/out", "/lib/x.so", "/dev/null"], files.Select(x => x.Name));
        Assert.Equal([1, 2], files[0].Numbers);
        Assert.True(files[0].IsWritable && files[0].IsAppend);
        Assert.Equal(40, files[0].Size);
        Assert.Empty(files[1].Numbers);
        Assert.Null(files[2].Size);
    }

    [Fact]
    public void A_file_that_is_mapped_to_be_written_is_opened_so_and_all_else_stays()
    {
        const uint Private = 2, Shared = 1, Read = 1, Write = 2, Execute = 4;
        // Flags, protection, how it is opened: as CRIU has seen it, and as it should be.
        (uint Flags, uint Prot, uint Seen, uint Right)[] cases =
        [
            (Shared, Read | Write, 0, 2), (Shared, Read | Write, 2, 2), (Shared, Read, 2, 2), (Shared, Read, 0, 0),
            (Private, Read | Write, 2, 0), (Private, Read | Execute, 0, 0), (Shared, Read | Write, 0x8000, 0x8002),
        ];
        var mm = new MmEntry();
        mm.Vmas.AddRange(cases.Select(x => new VmaEntry { Flags = x.Flags, Prot = x.Prot, Fdflags = x.Seen }));
        mm.Vmas.Add(new VmaEntry { Flags = Shared, Prot = Write });
        // A field that is not known here: fields 1 to 13 and others of the image.
        var image = Image(mm, MmEntry.Parser.ParseFrom([0x08, 0x2a]));
        var mended = CriuImages.Mended(image)!;
        Assert.Equal(image.Length, mended.Length);
        var entries = CriuImages.Entries(mended);
        var vmas = MmEntry.Parser.ParseFrom(entries[0]).Vmas;
        Assert.Equal(cases.Select(x => x.Right), vmas.Take(cases.Length).Select(x => x.Fdflags));
        Assert.False(vmas[^1].HasFdflags);
        Assert.Equal([0x08, 0x2a], entries[1]);
        Assert.Null(CriuImages.Mended(mended));
    }

    [Fact]
    public void An_image_that_breaks_off_is_not_read()
    {
        using var scratch = new Scratch();
        var folder = scratch.Folder.Images;
        var image = Image(new FileEntry { Type = 1, Id = 5, Reg = new RegularFile { Id = 5, Name = "/tmp/out" } });
        (folder / "files.img").WriteAll(image.AsSpan(..^2));
        Assert.Throws<IOException>(() => CriuImages.ReadFiles(folder));
    }

    [Fact]
    public void The_command_lines_name_what_is_given()
    {
        var dump = CriuCommand.Dump(42, "/img", ["tty[8801:1b]"], unprivileged: true);
        Assert.Contains("--leave-running", dump);
        Assert.Contains("--unprivileged", dump);
        Assert.Equal("tty[8801:1b]", dump[dump.ToList().IndexOf("--external") + 1]);
        var restore = CriuCommand.Restore("/img", [new Inherited(7, "pipe:[99]"), new Inherited(8, "tmp/out")], unprivileged: false);
        Assert.Contains("fd[7]:pipe:[99]", restore);
        Assert.Contains("fd[8]:tmp/out", restore);
        Assert.DoesNotContain("--unprivileged", restore);
    }
}
