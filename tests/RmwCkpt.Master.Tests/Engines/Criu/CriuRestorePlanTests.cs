using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Engines.Criu;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Engines.Criu;

/// <summary>What a restore gets in place of files that are not as they were at the dump.</summary>
public sealed class CriuRestorePlanTests : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly List<(int Number, string Target)> _lost = [];

    public void Dispose() => _scratch.Dispose();

    private string File_ => _scratch.Path_("file");

    [Fact]
    public void A_file_as_it_was_is_left_to_CRIU()
    {
        File.WriteAllText(File_, "12345");
        using var plan = Make(new ImageFile(File_, Posix.ReadOnly, 2, 5, [7]));
        Assert.Empty(plan.Inherited);
    }

    [Fact]
    public void A_file_that_has_grown_is_given_at_its_position()
    {
        File.WriteAllText(File_, "1234567");
        using var plan = Make(new ImageFile(File_, Posix.ReadOnly, 2, 5, [7]));
        var given = Assert.Single(plan.Inherited);
        Assert.Equal(CriuCommand.FileKey(File_), given.Key);
        Assert.Equal("34567", Rest(given));
    }

    [Theory]
    [InlineData(Posix.Append, 7)]
    [InlineData(0, 1)]
    public void A_file_that_is_appended_to_is_given_at_its_end_as_a_standard_output_is(int flag, int number)
    {
        File.WriteAllText(File_, "1234567");
        using var plan = Make(new ImageFile(File_, Posix.WriteOnly | flag, 2, 5, [number]));
        Posix.Write(Assert.Single(plan.Inherited).Descriptor, "8"u8);
        Assert.Equal("12345678", File.ReadAllText(File_));
    }

    [Fact]
    public void A_segment_that_was_recycled_is_stood_in_for_by_zeros_that_nobody_else_sees()
    {
        var run = RunFolder.For(987);
        var segment = Path.Combine(run.Run, "logs", "0011", "3");
        using var plan = Make(new ImageFile(segment, Posix.ReadOnly, 0, 4096, []));
        Assert.Equal(4096, Rest(Assert.Single(plan.Inherited)).Length);
        Assert.False(File.Exists(segment));
        Assert.Empty(Directory.EnumerateFiles(_scratch.Folder.Run, ".placeholder*"));
    }

    [Fact]
    public void What_is_written_to_a_removed_file_goes_elsewhere_and_is_said()
    {
        using var plan = Make(new ImageFile(File_, Posix.WriteOnly, 0, 5, [7]));
        Posix.Write(Assert.Single(plan.Inherited).Descriptor, "x"u8);
        Assert.Equal("x", File.ReadAllText(Path.Combine(_scratch.Folder.Run, "output")));
        Assert.Equal([(7, File_)], _lost);
    }

    [Fact]
    public void A_mapped_file_that_is_gone_or_changed_is_a_failure_that_names_it()
    {
        var gone = Assert.Throws<IOException>(() => Make(new ImageFile(File_, Posix.ReadOnly, 0, 5, [])));
        Assert.Contains($"{File_} is gone", gone.Message, StringComparison.Ordinal);
        File.WriteAllText(File_, "1");
        var changed = Assert.Throws<IOException>(() => Make(new ImageFile(File_, Posix.ReadOnly, 0, 5, [])));
        Assert.Contains($"{File_} has 1 bytes, at the snapshot 5", changed.Message, StringComparison.Ordinal);
    }

    private static string Rest(Inherited given)
    {
        using var file = new FileStream($"/proc/self/fd/{given.Descriptor}", FileMode.Open, FileAccess.Read);
        // Opened anew: the position is the descriptor's own.
        var position = File.ReadLines($"/proc/self/fdinfo/{given.Descriptor}").First()["pos:".Length..].Trim();
        file.Position = long.Parse(position, System.Globalization.CultureInfo.InvariantCulture);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd();
    }

    private CriuRestorePlan Make(ImageFile file) => CriuRestorePlan.Make(
        new RestoreOrder(new Process(), null, HeldStdio.None)
        {
            Domain = 0,
            RunFolder = _scratch.Folder.Folder.Root,
            LockFile = _scratch.Folder.Folder.Root / "lock",
            OutputFile = _ => _scratch.Folder.Folder.Root / "output",
            Lost = (number, target) => _lost.Add((number, target)),
        },
        [file]);
}
