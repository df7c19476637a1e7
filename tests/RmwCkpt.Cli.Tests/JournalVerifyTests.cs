using RmwCkpt.Log;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Memory;

namespace RmwCkpt.Cli.Tests;

/// <summary>`rmw_ckpt journal verify` over files of which something was changed.</summary>
[Collection("console")]
public sealed class JournalVerifyTests : JournalTest
{
    private const ulong Process = 9;
    private const int Cells = Journal.CellsPerFile + 3;

    public JournalVerifyTests()
    {
        Write(4, "/many", "/talker", messages: 5);
        using var journal = Journal.Open(Folder.Journal(Process), null);
        for (var i = 0; i < Cells; i++)
        {
            journal.TryAppend(new Cell(1, 2, 3, i));
        }
        var image = Folder.Images / $"{Process:x16}" / "1.tmp";
        image.MakeFolder();
        (image / "core").WriteAll(new byte[1000]);
        SnapshotStore.Finish(image, new SnapshotManifest { Process = Process, Number = 1 });
    }

    private TrustedPath SegmentOfMany => Folder.Log(Gid(4)) / "0";

    [Fact]
    public void Where_nothing_is_damaged_all_is_counted()
    {
        var (code, output, errors) = Run("journal", "verify");
        Assert.Equal((0, ""), (code, errors));
        Assert.Matches("logs +4 +8 messages", output);
        Assert.Matches($"journals +1 +{Cells} cells", output);
        Assert.Matches("snapshots +1 +1.0 KiB", output);
        Assert.DoesNotContain("DAMAGED", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_that_is_damaged_is_named_with_its_place()
    {
        FlipBit(SegmentOfMany, PlaceOf(3) + Frame.HeadSize);
        AssertDamaged($"{SegmentOfMany}, byte {PlaceOf(3)}: message 3 is damaged: its checksum is another");
    }

    [Fact]
    public void The_last_message_too()
    {
        FlipBit(SegmentOfMany, PlaceOf(5) + Frame.Sequence);
        AssertDamaged($"{SegmentOfMany}, byte {PlaceOf(5)}: message 5 is damaged: its checksum is another");
    }

    [Fact]
    public void After_a_wrong_length_the_rest_is_missing()
    {
        FlipBit(SegmentOfMany, PlaceOf(2) + Frame.Length + 3, bit: 64);
        AssertDamaged(
            $"{SegmentOfMany}, byte {PlaceOf(2)}: 1073741880 is no length of a message there; nothing after it in this file can be found",
            $"{Folder.Log(Gid(4))}: messages 2 to 5 at its end cannot be found");
    }

    [Fact]
    public void A_segment_that_is_none_or_is_missing_is_named()
    {
        FlipBit(SegmentOfMany, Segment.Magic);
        AssertDamaged($"{SegmentOfMany}: {SegmentOfMany} is not segment 0 of a log");
        SegmentOfMany.Unlink();
        AssertDamaged($"{SegmentOfMany}: the segment is missing");
    }

    [Fact]
    public void A_head_that_is_none_is_named()
    {
        DamageHead(4);
        var head = Folder.Log(Gid(4)) / LogHead.FileName;
        AssertDamaged($"{head}: {head} is not the head of a log of version {LogHead.CurrentVersion}");
    }

    [Fact]
    public void A_cell_that_is_damaged_is_named_with_its_place()
    {
        var at = Journal.HeadSize + (7 * Journal.CellSize);
        FlipBit(Folder.Journal(Process) / "0", at + 8);
        AssertDamaged($"{Folder.Journal(Process) / "0"}, byte {at}: cell 7 is damaged: its check is another");
    }

    [Fact]
    public void A_file_of_a_journal_that_is_none_or_is_missing_is_named()
    {
        using (var journal = Journal.Open(Folder.Journal(Process), null))
        {
            for (journal.Seek(Cells); journal.Position < 2 * Journal.CellsPerFile + 1;)
            {
                journal.TryAppend(new Cell(1, 2, 3, 4));
            }
        }
        var middle = Folder.Journal(Process) / "1";
        FlipBit(middle, 0);
        AssertDamaged($"{middle}: {middle} is not file 1 of a journal");
        middle.Unlink();
        AssertDamaged($"{Folder.Journal(Process) / "2"}: the files before it, from 1, are missing");
    }

    [Fact]
    public void An_image_that_is_damaged_is_named()
    {
        var image = Folder.Images / $"{Process:x16}" / "1";
        FlipBit(image / "core", 500);
        AssertDamaged($"{image}: core is damaged");
    }

    private static void AssertDamaged(params string[] expected)
    {
        var (code, output, _) = Run("journal", "verify");
        Assert.Equal(1, code);
        Assert.Equal(expected.Select(x => $"DAMAGED {x}"), output.Split('\n').Where(x => x.StartsWith("DAMAGED", StringComparison.Ordinal)));
    }
}
