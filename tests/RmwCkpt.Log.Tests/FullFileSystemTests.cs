using System.Diagnostics;
using RmwCkpt.Memory;

namespace RmwCkpt.Log.Tests;

/// <summary>Runs where a small file system can be mounted: as root.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SmallFileSystemFactAttribute : FactAttribute
{
    public SmallFileSystemFactAttribute()
    {
        if (Posix.UserId != 0)
        {
            Skip = "mounting a small tmpfs needs root";
        }
    }
}

public sealed class FullFileSystemTests : IDisposable
{
    private readonly string _mount = Directory.CreateTempSubdirectory("rmw_ckpt-full").FullName;
    private readonly Scratch _scratch;

    public FullFileSystemTests()
    {
        if (Posix.UserId == 0)
        {
            Run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", _mount);
        }
        _scratch = new Scratch(_mount);
    }

    public void Dispose()
    {
        _scratch.Dispose();
        if (Posix.UserId == 0)
        {
            Run("umount", "-l", _mount);
        }
        Directory.Delete(_mount);
    }

    private static void Run(string command, params string[] arguments)
    {
        using var process = Process.Start(command, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    [SmallFileSystemFact]
    public void A_log_without_space_for_a_segment_says_so_and_changes_nothing()
    {
        using var writer = _scratch.Write(usual: 256 * 1024);
        using var reader = _scratch.Read();
        var written = 0;
        var error = Assert.Throws<PosixException>(() =>
        {
            for (; written < 10_000; written++)
            {
                Scratch.Append(writer, Scratch.Payload(written + 1, 1000));
            }
        });
        Assert.Equal(Posix.Enospc, error.Errno);
        var files = Directory.GetFiles(_scratch.Folder).ToDictionary(f => f, File.ReadAllBytes);
        Assert.Throws<PosixException>(() => writer.Reserve(1000));
        Assert.Equal(files, Directory.GetFiles(_scratch.Folder).ToDictionary(f => f, File.ReadAllBytes));
        Assert.Equal(written, Scratch.Drain(reader).Count);

        // There is room again: it goes on where it was.
        File.Delete(Segment.PathOf(_scratch.At, 3).FullName);
        Assert.Equal((AppendResult.Appended, written + 1), Scratch.Append(writer, Scratch.Payload(written + 1, 1000)));
        Assert.Equal([written + 1], Scratch.Sequences(reader));
    }

    [SmallFileSystemFact]
    public void A_log_without_space_for_a_message_to_lend_says_so_and_changes_nothing()
    {
        using var writer = _scratch.Write();
        using var reader = _scratch.Read();
        var lent = writer.Borrow(100_000)!;
        var files = Directory.GetFiles(_scratch.Folder).ToDictionary(f => f, File.ReadAllBytes);
        File.WriteAllBytes(Path.Combine(_mount, "ballast"), new byte[850 * 1024]);
        Assert.Equal(Posix.Enospc, Assert.Throws<PosixException>(() => writer.Borrow(100_000)).Errno);
        Assert.Equal(files, Directory.GetFiles(_scratch.Folder).ToDictionary(f => f, File.ReadAllBytes));
        writer.Commit(lent, 100_000, 0, 1, 0, out _);
        File.Delete(Path.Combine(_mount, "ballast"));
        Assert.Equal((AppendResult.Appended, 2), Scratch.Lend(writer, "x"u8, 100_000));
        Assert.Equal([1, 2], Scratch.Sequences(reader));
    }

    [SmallFileSystemFact]
    public void A_journal_without_space_for_a_file_says_so_and_changes_nothing()
    {
        using var journal = Journal.Open(_scratch.At, 0);
        File.WriteAllBytes(Path.Combine(_mount, "ballast"), new byte[920 * 1024]);
        for (var i = 0; i < Journal.CellsPerFile; i++)
        {
            Assert.True(journal.TryAppend(new Cell(1, 0, 0, i)));
        }
        Assert.False(journal.HasNext);
        Assert.Equal(Posix.Enospc, Assert.Throws<PosixException>(() => journal.TryAppend(new Cell(1, 0, 0, 0))).Errno);
        Assert.Equal(Journal.CellsPerFile, journal.Position);
        Assert.Single(Directory.GetFiles(_scratch.Folder));
        File.Delete(Path.Combine(_mount, "ballast"));
        Assert.True(journal.TryAppend(new Cell(1, 0, 0, 0)));
    }

    [SmallFileSystemFact]
    public void A_log_without_space_for_its_head_says_so_and_can_be_made_later()
    {
        File.WriteAllBytes(Path.Combine(_mount, "ballast"), new byte[(1024 - 4) * 1024]);
        Assert.Equal(Posix.Enospc, Assert.Throws<PosixException>(() => _scratch.Write().NextSequence).Errno);
        File.Delete(Path.Combine(_mount, "ballast"));
        using var writer = _scratch.Write();
        Assert.Equal((AppendResult.Appended, 1), Scratch.Append(writer, "x"u8));
    }
}
