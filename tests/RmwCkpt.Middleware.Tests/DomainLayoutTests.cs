using FsCheck.Xunit;
using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Graph;

namespace RmwCkpt.Middleware.Tests;

public sealed class DomainLayoutTests
{
    [Property]
    public void A_gid_is_read_and_parsed_as_written(ulong process, uint entity, uint domain)
    {
        var gid = new Gid(process, entity, domain);
        var bytes = new byte[Gid.Size];
        gid.Write(bytes);
        Assert.Equal(gid, Gid.Read(bytes));
        Assert.True(Gid.TryParse(gid.ToString(), out var parsed));
        Assert.Equal(gid, parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0011")]
    [InlineData("zz112233445566778899aabbccddeeff")]
    [InlineData("00112233445566778899aabbccddeeff00")]
    public void What_is_no_gid_is_not_parsed(string text) => Assert.False(Gid.TryParse(text, out _));

    [Property]
    public void Qos_is_read_as_written(byte a, byte b, byte c, byte d, uint depth, long deadline, long lifespan, long lease)
    {
        var qos = new Qos((Reliability)a, (Durability)b, (History)c, (Liveliness)d, depth, deadline, lifespan, lease);
        var bytes = new byte[Qos.Size];
        qos.Write(bytes);
        Assert.Equal(qos, Qos.Read(bytes));
        var valid = a is 1 or 2 && b is 1 or 2 && c is 1 or 2 && d is 1 or 2 && (c == 2 || depth > 0);
        Assert.Equal(valid, qos.IsValid);
    }

    [Fact]
    public void Mismatch_is_that_of_the_DDS_table()
    {
        var qos = Qos.Default;
        Assert.True(qos.IsValid);
        (Qos Offered, Qos Requested, QosPolicy Policy)[] table =
        [
            (qos, qos, QosPolicy.None),
            (qos with { Reliability = Reliability.BestEffort }, qos, QosPolicy.Reliability),
            (qos, qos with { Reliability = Reliability.BestEffort }, QosPolicy.None),
            (qos, qos with { Durability = Durability.TransientLocal }, QosPolicy.Durability),
            (qos with { Durability = Durability.TransientLocal }, qos, QosPolicy.None),
            (qos, qos with { Deadline = 5 }, QosPolicy.Deadline),
            (qos with { Deadline = 5 }, qos with { Deadline = 5 }, QosPolicy.None),
            (qos with { Deadline = 5 }, qos, QosPolicy.None),
            (qos, qos with { Liveliness = Liveliness.ManualByTopic }, QosPolicy.Liveliness),
            (qos with { Liveliness = Liveliness.ManualByTopic }, qos, QosPolicy.None),
            (qos, qos with { Lease = 5 }, QosPolicy.Liveliness),
            (qos with { Lease = 5 }, qos, QosPolicy.None),
            (qos with { Lifespan = 1 }, qos with { Lifespan = 2, Depth = 1, History = History.KeepAll }, QosPolicy.None),
        ];
        Assert.All(table, t => Assert.Equal(t.Policy, Qos.Mismatch(t.Offered, t.Requested)));
    }

    [Fact]
    public void A_row_that_is_free_or_half_written_is_not_copied()
    {
        using var buffer = new NativeBuffer();
        var row = buffer.Ensure(GraphTable.RowSize);
        row.All.Clear();
        var copy = new byte[GraphTable.RowSize];
        Assert.False(GraphRow.TryCopy(row, copy));
        row.Write(GraphRow.State, 1u);
        row.Write(GraphRow.Stamp, 1u);
        Assert.False(GraphRow.TryCopy(row, copy));
        row.Write(GraphRow.Stamp, 2u);
        Assert.True(GraphRow.TryCopy(row, copy));
        Assert.Equal(row.All.ToArray(), copy);
    }

    [Fact]
    public void A_row_that_is_half_written_is_not_counted()
    {
        using var buffer = new NativeBuffer();
        var row = buffer.Ensure(GraphTable.RowSize);
        row.All.Clear();
        row.Write(GraphRow.State, 1u);
        row.Write(GraphRow.Kind, (byte)EntityKind.Publisher);
        row.WriteText(GraphRow.Name, GraphRow.NameSize, "/chatter");
        Assert.True(GraphQueries.Is(row, EntityKind.Publisher, "/chatter"u8));
        Assert.False(GraphQueries.Is(row, EntityKind.Publisher, "/chatte"u8));
        Assert.False(GraphQueries.Is(row, EntityKind.Subscription, "/chatter"u8));
        row.Write(GraphRow.Stamp, 1u);
        Assert.False(GraphQueries.Is(row, EntityKind.Publisher, "/chatter"u8));
        row.Write(GraphRow.Stamp, 2u);
        Assert.True(GraphQueries.Is(row, EntityKind.Publisher, "/chatter"u8));
    }
}
