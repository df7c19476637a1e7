using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Registry;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Registry;

public sealed class GraphWriterTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void Readers_see_every_field()
    {
        using var writer = GraphWriter.Open(_scratch.Folder, () => false);
        using var reader = GraphTable.Open(_scratch.Folder);
        var entity = Scratch.Publisher(9, 2, 1, "/chatter");
        writer.Add(9, 3, entity);
        Assert.True(writer.Publish());
        Assert.Equal(1ul, reader.CurrentVersion);
        var row = Copy(reader, 0);
        Assert.Equal(1ul, row.ReadUInt64(GraphRow.Version));
        Assert.Equal((byte)EntityKind.Publisher, row.ReadByte(GraphRow.Kind));
        Assert.Equal(GraphRow.HasTypeHash, row.ReadByte(GraphRow.Flags));
        Assert.Equal(3u, row.ReadUInt32(GraphRow.Process));
        Assert.Equal(1u, row.ReadUInt32(GraphRow.Node));
        Assert.Equal(2u, row.ReadUInt32(GraphRow.Entity));
        Assert.Equal(new Gid(9, 2, 0), Gid.Read(row.Span(GraphRow.GidBytes, Gid.Size)));
        Assert.Equal(Qos.Default, Qos.Read(row.Span(GraphRow.QosBytes, Qos.Size)));
        Assert.Equal(7L, row.ReadInt64(GraphRow.Created));
        Assert.Equal("/chatter", row.ReadText(GraphRow.Name, GraphRow.NameSize));
        Assert.Equal("std_msgs/msg/String", row.ReadText(GraphRow.Type, GraphRow.NameSize));
    }

    [Fact]
    public void A_row_keeps_its_place_and_a_free_one_is_used_again()
    {
        using var writer = GraphWriter.Open(_scratch.Folder, () => false);
        using var reader = GraphTable.Open(_scratch.Folder);
        for (var i = 1u; i <= 3; i++)
        {
            writer.Add(9, 1, Scratch.Node(9, i, $"n{i}"));
        }
        writer.Remove(9, 2);
        writer.Publish();
        Assert.False(GraphRow.TryCopy(reader.Row(1), new byte[GraphTable.RowSize]));
        writer.Add(9, 1, Scratch.Node(9, 4, "n4"));
        writer.Publish();
        Assert.Equal(["n1", "n4", "n3"], Names(reader));
        Assert.Equal(3, reader.RowCount);
    }

    [Fact]
    public void Nothing_changed_is_no_version()
    {
        using var writer = GraphWriter.Open(_scratch.Folder, () => false);
        Assert.False(writer.Publish());
        writer.Remove(1, 1);
        Assert.False(writer.Publish());
    }

    [Fact]
    public void A_new_master_keeps_right_rows_mends_half_written_ones_and_frees_others()
    {
        ulong before;
        using (var writer = GraphWriter.Open(_scratch.Folder, () => false))
        {
            writer.Add(9, 1, Scratch.Node(9, 1, "talker"));
            writer.Add(9, 1, Scratch.Publisher(9, 2, 1, "/chatter"));
            writer.Add(8, 2, Scratch.Node(8, 1, "gone"));
            writer.Publish();
            before = writer.Version;
        }
        using (var file = Mapping.Open(_scratch.Folder.Graph))
        {
            // The publisher's row, as a master leaves it that is killed while it writes.
            file.View.Write(GraphTable.HeadSize + GraphTable.RowSize + GraphRow.Stamp, 3u);
        }
        using var next = GraphWriter.Open(_scratch.Folder, () => false);
        using var reader = GraphTable.Open(_scratch.Folder);
        next.Rebuild(Scratch.State().Entries);
        Assert.Equal(["talker", "/chatter"], Names(reader));
        Assert.Equal(before, Copy(reader, 0).ReadUInt64(GraphRow.Version));
        Assert.True(reader.CurrentVersion > before);
    }

    [Fact]
    public void A_graph_of_another_version_is_replaced()
    {
        GraphWriter.Open(_scratch.Folder, () => false).Dispose();
        using (var file = Mapping.Open(_scratch.Folder.Graph))
        {
            file.View.Write(GraphTable.Magic, GraphTable.MagicValue - 1);
            Assert.Throws<IOException>(() => GraphTable.Open(_scratch.Folder));
        }
        // Not under nodes that live.
        Assert.Throws<IOException>(() => GraphWriter.Open(_scratch.Folder, () => true));
        using var writer = GraphWriter.Open(_scratch.Folder, () => false);
        writer.Add(9, 1, Scratch.Node(9, 1, "talker"));
        writer.Publish();
        using var reader = GraphTable.Open(_scratch.Folder);
        Assert.Equal(["talker"], Names(reader));
    }

    [Fact]
    public void Readers_are_told_of_the_rows_that_changed_or_to_look_at_all()
    {
        using var writer = GraphWriter.Open(_scratch.Folder, () => false);
        using var reader = GraphTable.Open(_scratch.Folder);
        var rows = new int[GraphTable.RecentCount];
        writer.Add(9, 1, Scratch.Node(9, 1, "a"));
        writer.Add(9, 1, Scratch.Node(9, 2, "b"));
        Assert.True(reader.TryGetRecent(0, reader.ChangeCount, rows, out var count));
        Assert.Equal([0, 1], rows[..count]);
        var seen = reader.ChangeCount;
        writer.Remove(9, 1);
        Assert.True(reader.TryGetRecent(seen, reader.ChangeCount, rows, out count));
        Assert.Equal([0], rows[..count]);
        seen = reader.ChangeCount;
        for (var i = 3u; i < GraphTable.RecentCount + 2; i++)
        {
            writer.Add(9, 1, Scratch.Node(9, i, $"n{i}"));
        }
        // One less than there is room for, as the place of the next may be being written.
        Assert.True(reader.TryGetRecent(seen, reader.ChangeCount, rows, out count));
        Assert.Equal(GraphTable.RecentCount - 1, rows[..count].Distinct().Count());
        writer.Add(9, 1, Scratch.Node(9, 1000, "c"));
        Assert.False(reader.TryGetRecent(seen, reader.ChangeCount, rows, out _));
        seen = reader.ChangeCount;
        writer.Rebuild([]);
        Assert.False(reader.TryGetRecent(seen, reader.ChangeCount, rows, out _));
    }

    [Fact]
    public void Every_row_fits()
    {
        using var writer = GraphWriter.Open(_scratch.Folder, () => false);
        using var reader = GraphTable.Open(_scratch.Folder);
        for (var i = 1u; i <= GraphTable.Capacity; i++)
        {
            writer.Add(9, 1, Scratch.Node(9, i, $"n{i}"));
        }
        writer.Publish();
        Assert.Equal(0, writer.Room);
        Assert.Equal($"n{GraphTable.Capacity}", Names(reader).Last());
    }

    private static IEnumerable<string> Names(GraphTable reader)
    {
        for (var i = 0; i < reader.RowCount; i++)
        {
            if (GraphRow.TryCopy(reader.Row(i), new byte[GraphTable.RowSize]))
            {
                yield return reader.Row(i).ReadText(GraphRow.Name, GraphRow.NameSize);
            }
        }
    }

    private static Region Copy(GraphTable reader, int index)
    {
        Assert.True(GraphRow.TryCopy(reader.Row(index), new byte[GraphTable.RowSize]));
        return reader.Row(index);
    }
}
