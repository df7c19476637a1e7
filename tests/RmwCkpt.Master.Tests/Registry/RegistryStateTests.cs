using Google.Protobuf;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Server;

namespace RmwCkpt.Master.Tests.Registry;

public sealed class RegistryStateTests
{
    [Fact]
    public void The_same_endpoint_again_is_nothing_new_even_made_at_another_time()
    {
        var state = Scratch.State();
        var again = Scratch.Publisher(9, 2, 1, "/chatter");
        again.Created = 8;
        Assert.Empty(state.CheckRegister(Scratch.Register(9, again)).Entities);
    }

    [Fact]
    public void A_process_is_a_tool_as_long_as_all_its_nodes_are_hidden()
    {
        var state = Scratch.State();
        state.Apply(new RegistryRecord { Process = new Process { Process_ = 5 } });
        Assert.True(state.TryGet(5, out var tool));
        Assert.False(tool.IsHidden);
        foreach (var (id, name, hidden) in new[] { (1u, "_ros2cli_1", true), (2u, "_more", true), (3u, "node", false), (4u, "_late", false) })
        {
            Assert.True(state.Apply(new RegistryRecord { Added = Scratch.Register(5, Scratch.Node(5, id, name)) }));
            Assert.Equal(hidden, tool.IsHidden);
        }
        // At once, as a later master reads them.
        state.Apply(new RegistryRecord { Process = new Process { Process_ = 6 } });
        state.Apply(new RegistryRecord { Added = Scratch.Register(6, Scratch.Node(6, 1, "_one"), Scratch.Node(6, 2, "_two")) });
        Assert.True(state.TryGet(6, out var other) && other.IsHidden);
    }

    [Fact]
    public void Another_endpoint_of_the_same_number_is_refused()
    {
        var state = Scratch.State();
        Assert.Throws<RequestException>(() => state.CheckRegister(Scratch.Register(9, Scratch.Publisher(9, 2, 1, "/other"))));
    }

    [Fact]
    public void A_process_that_never_said_hello_is_refused()
    {
        var e = Assert.Throws<RequestException>(() => Scratch.State().CheckRegister(Scratch.Register(8, Scratch.Node(8, 1, "x"))));
        Assert.Contains("hello", e.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, Action<Entity>> BadEntities => new()
    {
        { "kind", e => e.Kind = 6 },
        { "kind none", e => e.Kind = 0 },
        { "gid of another process", e => e.Gid = Scratch.GidOf(8, e.Entity_) },
        { "gid of another entity", e => e.Gid = Scratch.GidOf(9, 99) },
        { "short gid", e => e.Gid = ByteString.CopyFrom(1, 2, 3) },
        { "type hash of 32 bytes", e => e.TypeHash = ByteString.CopyFrom(new byte[32]) },
        { "no name", e => e.Name = "" },
        { "long name", e => e.Name = new string('x', GraphRow.NameSize) },
        { "long name in UTF-8", e => e.Name = new string('ä', GraphRow.NameSize / 2) },
        { "NUL in a name", e => e.Name = "/a\0b" },
        { "long type", e => e.Type = new string('x', GraphRow.NameSize) },
        { "long enclave", e => e.Enclave = new string('x', GraphRow.EnclaveSize) },
        { "no QoS", e => e.Qos = ByteString.Empty },
        { "QoS of zeros", e => e.Qos = ByteString.CopyFrom(new byte[Qos.Size]) },
        { "depth 0", e => e.Qos = Scratch.QosBytes(Qos.Default with { Depth = 0 }) },
        { "node that is not there", e => e.Node = 77 },
        { "node that is a publisher", e => e.Node = 2 },
    };

    [Theory]
    [MemberData(nameof(BadEntities))]
    public void A_bad_entity_is_refused_and_nothing_of_its_request_is_done(string what, Action<Entity> spoil)
    {
        var state = Scratch.State();
        var bad = Scratch.Publisher(9, 4, 1, "/bad");
        spoil(bad);
        Assert.NotEmpty(what);
        Assert.Throws<RequestException>(() => state.CheckRegister(Scratch.Register(9, Scratch.Publisher(9, 3, 1, "/good"), bad)));
        Assert.Equal(2, state.EntityCount);
    }

    [Fact]
    public void The_longest_names_are_taken()
    {
        var longest = Scratch.Publisher(9, 3, 1, new string('x', GraphRow.NameSize - 1));
        longest.Type = new string('y', GraphRow.NameSize - 1);
        longest.Enclave = new string('z', GraphRow.EnclaveSize - 1);
        Assert.Single(Scratch.State().CheckRegister(Scratch.Register(9, longest)).Entities);
    }

    [Fact]
    public void Its_own_records_make_the_same_state()
    {
        var state = Scratch.State();
        var copy = new RegistryState();
        foreach (var record in state.ToRecords())
        {
            Assert.True(copy.Apply(record));
        }
        Assert.Equal(state.ToRecords(), copy.ToRecords());
        Assert.Equal(state.EntityCount, copy.EntityCount);
    }

    [Fact]
    public void Removing_what_is_gone_is_nothing()
    {
        var state = Scratch.State();
        Assert.Equal([2u], state.CheckUnregister(new Unregister { Process = 9, Entities = { 2, 5, 2 } }).Entities);
    }

    [Fact]
    public void Names_have_their_namespace()
    {
        var state = Scratch.State();
        var node = Scratch.Node(9, 3, "eye");
        node.Type = "/robot";
        state.Apply(new RegistryRecord { Added = Scratch.Register(9, node) });
        Assert.True(state.TryGet(9, out var entry));
        Assert.Equal(["/talker", "/robot/eye"], entry.NodeNames);
    }
}
