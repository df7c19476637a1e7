using System.Diagnostics;
using RmwCkpt.Memory;

namespace RmwCkpt.Log.Tests;

/// <summary>Runs where a small file system can be mounted: as root, but not as a container's.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SmallFileSystemFactAttribute : FactAttribute
{
    private const int SysAdmin = 21;

    public SmallFileSystemFactAttribute()
    {
        if (!MayMount)
        {
            Skip = "mounting a small tmpfs needs root with CAP_SYS_ADMIN";
        }
    }

    public static bool MayMount { get; } = Posix.UserId == 0 && (Capabilities() >> SysAdmin & 1) != 0;

    private static ulong Capabilities() => Convert.ToUInt64(
        File.ReadLines("/proc/self/status").First(x => x.StartsWith("CapEff:", StringComparison.Ordinal))[7..].Trim(), 16);
}

public sealed class FullFileSystemTests : IDisposable
{
    private readonly string _mount = Directory.CreateTempSubdirectory("rmw_ckpt-full").FullName;
    private readonly Scratch _scratch;

    public FullFileSystemTests()
    {
        if (SmallFileSystemFactAttribute.MayMount)
        {
            Run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", _mount);
        }
        _scratch = new Scratch(_mount);
    }

    public void Dispose()
    {
        _scratch.Dispose();
        if (SmallFileSystemFactAttribute.MayMount)
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

    /// <summary>Leaves so many bytes of the file system free.</summary>
    private void Fill(int free)
    {
        var room = (int)new DriveInfo(_mount).AvailableFreeSpace - free;
        using var file = new FileStream(Path.Combine(_mount, "ballast"), FileMode.Append);
        file.Write(new byte[room]);
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

        // A life that was killed now finds what is left, and goes on.
        using var next = _scratch.Write(usual: 128 * 1024);
        for (var i = 1; i <= 5000; i++)
        {
            Assert.Equal((AppendResult.Found, i), Scratch.Append(next, Scratch.Payload(i, 1000), life: 2));
        }
        Assert.Equal((AppendResult.Appended, 5001), Scratch.Append(next, "x"u8, life: 2));
        Assert.Equal([5001], Scratch.Sequences(reader));
    }

    /// <summary>Somebody else has filled it. A log that has one segment has a file in reserve.</summary>
    [SmallFileSystemFact]
    public void A_small_log_goes_on_where_nothing_is_free()
    {
        using var writer = LogWriter.Open(_scratch.At, new FixedLimits(1 << 30), 0, _ => { });
        using var reader = _scratch.Read();
        Scratch.AppendMany(writer, 1, 1, 100);
        Fill(free: 0);
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
        File.Delete(Path.Combine(_mount, "ballast"));
        Scratch.AppendMany(writer, 2101, 2101, 20_000);
        Assert.Equal([2101], Scratch.Sequences(reader));
    }

    [SmallFileSystemFact]
    public void A_large_first_message_finds_room_in_the_only_segment()
    {
        using var writer = LogWriter.Open(_scratch.At, new FixedLimits(1 << 30), 0, _ => { });
        using var reader = _scratch.Read();
        Scratch.AppendMany(writer, 1, 10, 1000);
        Fill(free: 0);
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
        Fill(free: 0);
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
        using var journal = Journal.Open(_scratch.At, null);
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
    public void A_journal_that_had_no_space_begins_anew()
    {
        using var journal = Journal.Open(_scratch.At, null);
        using var restored = Journal.Open(_scratch.At, null);
        Fill(free: 0);
        while (journal.Position < Journal.CellsPerFile)
        {
            journal.TryAppend(new Cell(1, 0, 0, 0));
        }
        Assert.Throws<PosixException>(() => journal.TryAppend(new Cell(1, 0, 0, 0)));
        Assert.Throws<PosixException>(journal.BeginAnew);
        Assert.Equal((0, Journal.CellsPerFile), (journal.First, journal.Position));
        File.Delete(Path.Combine(_mount, "ballast"));
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
        File.WriteAllBytes(Path.Combine(_mount, "ballast"), new byte[(1024 - 4) * 1024]);
        Assert.Equal(Posix.Enospc, Assert.Throws<PosixException>(() => _scratch.Write().NextSequence).Errno);
        File.Delete(Path.Combine(_mount, "ballast"));
        using var writer = _scratch.Write();
        Assert.Equal((AppendResult.Appended, 1), Scratch.Append(writer, "x"u8));
    }
}
