using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Graph;

namespace RmwCkpt.Middleware.Tests.Graph;

/// <summary>Who is matched with whom, by a graph that the test writes as the master does.</summary>
public sealed class MatcherTests : IDisposable
{
    private readonly LoneSession _domain = new();
    private readonly GraphTable _graph;
    private readonly Matcher _matcher;
    private readonly Endpoint _publisher;
    private ulong _version;

    public MatcherTests()
    {
        _graph = GraphTable.Open(_domain.Folder);
        _matcher = new Matcher(_domain.Session, _graph);
        _publisher = _domain.Publish(Qos.Default with { Reliability = Reliability.BestEffort });
        _matcher.Add(_publisher);
    }

    public void Dispose()
    {
        _graph.Dispose();
        _domain.Dispose();
    }

    [Fact]
    public void A_peer_counts_once_for_as_long_as_it_is_there()
    {
        Put(0, 1);
        Update();
        Update();
        Assert.Equal((1, 1), (_publisher.Matched, _publisher.MatchedEver));
        Remove(0);
        Update();
        Assert.Equal((0, 1), (_publisher.Matched, _publisher.MatchedEver));
        Put(0, 2);
        Put(1, 3);
        Update();
        Assert.Equal((2, 3), (_publisher.Matched, _publisher.MatchedEver));
    }

    [Fact]
    public void Others_names_kinds_types_and_wishes_do_not_match()
    {
        Put(0, 1, name: "/others");
        Put(1, 2, kind: EntityKind.Publisher);
        Put(2, 3, type: "std_msgs/msg/String");
        Put(3, 4, reliability: Reliability.Reliable);
        Update();
        Update();
        Assert.Equal(0, _publisher.MatchedEver);
        Assert.Equal((1, 1, QosPolicy.Reliability), (_publisher.IncompatibleTypes, _publisher.Incompatible, _publisher.LastPolicy));
    }

    [Fact]
    public void Who_has_fallen_behind_looks_at_all()
    {
        const int Many = GraphTable.RecentCount + 50;
        for (var row = 0; row < Many; row++)
        {
            Put(row, (uint)row + 1);
        }
        Update();
        Assert.Equal(Many, _publisher.Matched);
    }

    [Fact]
    public void One_that_comes_later_is_matched_with_who_is_there_and_one_that_went_with_nobody()
    {
        Put(0, 1);
        Update();
        var later = _domain.Publish(Qos.Default);
        _matcher.Add(later);
        Assert.Equal(1, later.Matched);
        _matcher.Remove(later);
        Put(1, 2);
        Update();
        Assert.Equal((2, 1), (_publisher.Matched, later.Matched));
    }

    /// <summary>Writes a row, of a subscription that matches unless said.</summary>
    private void Put(
        int index, uint entity, string name = "/numbers", EntityKind kind = EntityKind.Subscription,
        string type = "std_msgs/msg/Int64", Reliability reliability = Reliability.BestEffort)
    {
        var row = Begin(index);
        row.Write(GraphRow.Kind, (byte)kind);
        row.Write(GraphRow.Process, 2u);
        row.Write(GraphRow.Entity, entity);
        new Gid(77, entity, 7).Write(row.Span(GraphRow.GidBytes, Gid.Size));
        (Qos.Default with { Reliability = reliability }).Write(row.Span(GraphRow.QosBytes, Qos.Size));
        row.WriteText(GraphRow.Name, GraphRow.NameSize, name);
        row.WriteText(GraphRow.Type, GraphRow.NameSize, type);
        row.Write(GraphRow.State, 1u);
        End(index);
    }

    private void Remove(int index)
    {
        Begin(index).Write(GraphRow.State, 0u);
        End(index);
    }

    private Region Begin(int index)
    {
        var row = _graph.Row(index);
        row.Increment(GraphRow.Stamp);
        row.Write(GraphRow.Version, _version + 1);
        return row;
    }

    private void End(int index)
    {
        _graph.Row(index).Increment(GraphRow.Stamp);
        _graph.Head.Write(GraphTable.Rows, Math.Max(_graph.Head.ReadUInt32(GraphTable.Rows), (uint)index + 1));
        _graph.AddChange(index);
    }

    private void Update()
    {
        _graph.Head.Release(GraphTable.Version, ++_version);
        _matcher.Update();
    }
}
