using System.Buffers.Binary;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Processes;
using RmwCkpt.Middleware.Replay;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Tests;

/// <summary>
/// A session in a domain without a master, whose endpoints are in no graph: who reads whom is the test's to say. What it has
/// mapped stays mapped, for a thread of it may be looking at it.
/// </summary>
internal sealed class LoneSession : IDisposable
{
    private const uint Slot = 1;
    private readonly Node _node;

    /// <param name="of">The process, in a previous incarnation, whose journal and logs this one has.</param>
    /// <param name="at">Where to make the domain's folder.</param>
    public LoneSession(LoneSession? of = null, string at = "/dev/shm")
    {
        Causes.Forget();
        var parent = $"{at}/rmw_ckpt-test-{Guid.NewGuid():n}";
        Folder = of?.Folder ?? new RunFolder($"{parent}/run", $"{parent}/state", 7);
        var table = ProcessTable.Open(Folder, make: Make(Folder));
        table.Slot(Slot).Increment(ProcessTable.Incarnation);
        var welcome = new Welcome { Slot = Slot, Process = 9, Incarnation = table.Slot(Slot).ReadUInt32(ProcessTable.Incarnation) };
        Session = new Session(Process, Folder, new RegistryClient(Folder), table, GraphTable.Open(Folder), welcome, resumed: of is not null);
        var guard = Session.Maker.CreateGuard();
        _node = Session.EntityTable.Add(id => new Node(Session, id, "tested", "/", "/", guard), reuse: false);
    }

    public ProcessContext Process { get; } = new();

    public RunFolder Folder { get; }

    public Session Session { get; }

    public Endpoint Publish(Qos qos) => Create(EntityKind.Publisher, qos);

    public Endpoint Subscribe(Qos qos) => Create(EntityKind.Subscription, qos);

    public Endpoint Ask() => Create(EntityKind.Client, Qos.Default);

    public Endpoint Serve() => Create(EntityKind.Service, Qos.Default);

    /// <summary>Publishes a number, of eight bytes.</summary>
    public static void Say(Endpoint publisher, long number)
    {
        publisher.Outbox!.Begin(null, 8).Write(0, number);
        publisher.Outbox.End(8);
    }

    /// <summary>Takes a message, if there is one.</summary>
    public static bool Take(Endpoint subscription) => subscription.Inbox!.Begin().Taken && subscription.Inbox.End();

    /// <summary>The next number, or null.</summary>
    public static long? Hear(Endpoint subscription)
    {
        var lent = subscription.Inbox!.Begin();
        if (!lent.Taken)
        {
            return null;
        }
        var number = lent.Payload.ReadInt64(0);
        Assert.True(subscription.Inbox.End());
        return number;
    }

    public static List<long> HearAll(Endpoint subscription)
    {
        var all = new List<long>();
        while (Hear(subscription) is { } number)
        {
            all.Add(number);
        }
        return all;
    }

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(Folder.Run)!, recursive: true);

    /// <summary>Somebody removes the run folder, and others make it again; returns the table that it then has.</summary>
    public ProcessTable Remove()
    {
        Directory.Delete(Folder.Run, recursive: true);
        var again = new RunFolder(Folder.Run, Folder.State, Folder.Domain);
        return ProcessTable.Open(again, make: Make(again));
    }

    /// <summary>Makes a domain as its master does. False: it is there.</summary>
    public static bool Make(RunFolder folder)
    {
        folder.Ensure();
        if (folder.Graph.Exists)
        {
            return false;
        }
        using var graph = File.Create(folder.Graph.FullName);
        graph.SetLength(GraphTable.FileSize);
        Span<byte> magic = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(magic, GraphTable.MagicValue);
        graph.Write(magic);
        return true;
    }

    private Endpoint Create(EntityKind kind, Qos qos)
    {
        var options = new EndpointOptions("/numbers", "std_msgs/msg/Int64", qos);
        return Session.EntityTable.Add(
            id => new Endpoint(Session, id, kind, _node, options, Session.ReplayJournal.Clock.Now), reuse: false);
    }
}
