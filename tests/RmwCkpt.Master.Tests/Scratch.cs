using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Tests;

/// <summary>A domain's folders of a test's own, removed at its end, and makers of what tests register.</summary>
public sealed class Scratch : IDisposable
{
    private readonly string _root;

    /// <param name="parent">The folder to make it in.</param>
    public Scratch(string? parent = null)
    {
        _root = Path.Combine(
            parent ?? (Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath()), $"rmw_ckpt-test-{Guid.NewGuid():n}");
        Folder = new RunFolder(Path.Combine(_root, "run"), Path.Combine(_root, "state"), 0);
        Folder.Ensure();
        Folder.EnsureState();
    }

    public RunFolder Folder { get; }

    public static NullLogger Log => NullLogger.Instance;

    public string Path_(string name) => Path.Combine(_root, name);

    public void Dispose()
    {
        Folder.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    public static Entity Node(ulong process, uint entity, string name) => new()
    {
        Entity_ = entity,
        Kind = (uint)EntityKind.Node,
        Gid = GidOf(process, entity),
        Name = name,
        Type = "/",
    };

    public static Entity Publisher(ulong process, uint entity, uint node, string topic) => new()
    {
        Entity_ = entity,
        Kind = (uint)EntityKind.Publisher,
        Node = node,
        Gid = GidOf(process, entity),
        Qos = QosBytes(Qos.Default),
        TypeHash = ByteString.CopyFrom(new byte[GraphRow.TypeHashSize]),
        Created = 7,
        Name = topic,
        Type = "std_msgs/msg/String",
    };

    public static ByteString GidOf(ulong process, uint entity)
    {
        var bytes = new byte[Gid.Size];
        new Gid(process, entity, 0).Write(bytes);
        return ByteString.CopyFrom(bytes);
    }

    public static ByteString QosBytes(Qos qos)
    {
        var bytes = new byte[Qos.Size];
        qos.Write(bytes);
        return ByteString.CopyFrom(bytes);
    }

    public static RegistryRecord Live(ulong process, uint slot = 1) => new()
    {
        Process = new Process { Process_ = process, Slot = slot, Pid = 4711, State = (uint)ProcessState.Live, Incarnation = 1 },
    };

    public static Register Register(ulong process, params Entity[] entities)
    {
        var register = new Register { Process = process };
        register.Entities.AddRange(entities);
        return register;
    }

    /// <summary>A registry with one process that has a node and a publisher.</summary>
    public static RegistryState State(ulong process = 9)
    {
        var state = new RegistryState();
        state.Apply(Live(process));
        state.Apply(new RegistryRecord { Added = Register(process, Node(process, 1, "talker"), Publisher(process, 2, 1, "/chatter")) });
        return state;
    }
}
