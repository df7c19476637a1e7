using RmwCkpt.Memory;

namespace RmwCkpt.Log.Tests;

/// <summary>Files that an incarnation was making when the snapshot was taken that it is rolled back to.</summary>
public sealed class NewFileTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void A_incarnation_restored_while_it_makes_a_segment_finds_it_made() => AtEachStore((scratch, finish) =>
    {
        using var writer = scratch.Write();
        Scratch.AppendMany(writer, 1, 3, 1000);
        finish("1", () => Segment.Make(scratch.At, 1, 4096, 4, spare: null));
        Assert.Equal((AppendResult.Appended, 4), Scratch.Append(writer, Scratch.Payload(4, 1000)));
        using var reader = scratch.Read();
        Assert.Equal([1, 2, 3, 4], Scratch.Sequences(reader));
    });

    [Fact]
    public void A_incarnation_restored_while_it_uses_a_segments_file_again_finds_it_made() => AtEachStore((scratch, finish) =>
    {
        using var writer = scratch.Write(retention: 0);
        // Four fill a segment.
        Scratch.AppendMany(writer, 1, 12, 900);
        finish("3", () => Segment.Make(scratch.At, 3, 4096, 13, spare: null));
        Assert.Equal((AppendResult.Appended, 13), Scratch.Append(writer, Scratch.Payload(13, 900)));
        using var reader = scratch.Read();
        Assert.Equal(13, Scratch.Sequences(reader)[^1]);
    });

    [Fact]
    public void A_incarnation_restored_while_it_makes_a_log_finds_it_made() => AtEachStore((scratch, finish) =>
    {
        finish(LogHead.FileName, () => LogHead.Make(scratch.At, _ => { }));
        using var writer = scratch.Write();
        Assert.Equal((AppendResult.Appended, 1), Scratch.Append(writer, "x"u8));
    });

    [Fact]
    public void A_incarnation_restored_while_it_makes_a_file_to_lend_finds_it_made() => AtEachStore((scratch, finish) =>
    {
        using var writer = scratch.Write();
        finish("loans-0", () => LoanFile.Make(scratch.At, 0, 8192, 1));
        Assert.Equal((AppendResult.Appended, 1), Scratch.Lend(writer, "x"u8, 5000));
        using var reader = scratch.Read();
        Assert.Equal([1], Scratch.Sequences(reader));
    });

    [Fact]
    public void A_incarnation_restored_while_it_makes_a_file_of_its_journal_finds_it_made() => AtEachStore((scratch, finish) =>
    {
        using var journal = Journal.Open(scratch.At, null);
        while (journal.Position < Journal.CellsPerFile)
        {
            Assert.True(journal.TryAppend(new Cell(1, 2, 3, journal.Position)));
        }
        finish("1", () =>
        {
            // The same file, which the previous incarnation went on with.
            var file = Mapping.Create(scratch.At / "1", 64 * 1024);
            file.View.Write(8, 1L);
            file.View.Write(0, Journal.MagicValue);
            return file;
        });
        Assert.True(journal.TryAppend(new Cell(1, 2, 3, journal.Position)));
        Assert.Equal(Journal.CellsPerFile + 1, journal.Position);
    });

    /// <param name="name">Of the file that is being made.</param>
    /// <param name="make">Makes it as the previous incarnation did.</param>
    private delegate void Finish(string name, Func<IDisposable> make);

    /// <summary>
    /// Runs it once for each store while the file is made: there the previous incarnation, of which this one has all memory, has
    /// the file made, under its own name.
    /// </summary>
    private static void AtEachStore(Action<Scratch, Finish> incarnation)
    {
        var times = 0;
        for (var (at, happened) = (1, true); happened; at++)
        {
            using var scratch = new Scratch();
            var (stores, done) = (0, false);
            try
            {
                incarnation(scratch, (name, make) => Region.OnStore = () =>
                {
                    var temporary = Path.Combine(scratch.Folder, $"{name}.new");
                    if (!done && File.Exists(temporary) && ++stores == at)
                    {
                        done = true;
                        StoppedException.Aside(() =>
                        {
                            File.Delete(temporary);
                            make().Dispose();
                        });
                    }
                });
            }
            finally
            {
                Region.OnStore = null;
            }
            happened = done;
            times += done ? 1 : 0;
        }
        Assert.True(times >= 4, $"only {times} places");
    }
}
