using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Log;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Graph;
using RmwCkpt.Middleware.Messages;
using RmwCkpt.Middleware.Replay;
using RmwCkpt.Middleware.Waiting;
using Entity = RmwCkpt.Middleware.Entities.Entity;
using Row = RmwCkpt.Domain.Protocol.Entity;

namespace RmwCkpt.Middleware.Sessions;

/// <summary>
/// This process in one domain: its parts, wired, and what is asked of it from outside. Thread-safe. Made by
/// <see cref="ProcessContext.Join(int)"/>.
/// </summary>
public sealed class Session : IReplayed
{
    /// <summary>The bits of a ckpt_id that name the entity; the rest names the session.</summary>
    public const uint EntityMask = 0xffffff;

    private readonly GraphFollower _follower;
    private volatile bool _released;

    /// <summary>Without its threads, as tests want it; see <see cref="ProcessContext.Join(int)"/>.</summary>
    internal Session(
        ProcessContext process, RunFolder folder, RegistryClient registry, ProcessTable table, GraphTable graph, Welcome welcome, bool resumed)
    {
        (Process, Folder, Table, GraphTable) = (process, folder, table, graph);
        (SlotIndex, ProcessId, Slot) = (welcome.Slot, welcome.Process, table.Slot(welcome.Slot));
        Descriptions = new TypeDescriptions(folder);
        ProcessSlot = new ProcessSlot(this);
        _follower = new GraphFollower(this);
        Limits = new DomainLimits(table);
        Determinants = new ReplayJournal(this, OpenJournal(resumed), Slot, welcome.Incarnation, resumed);
        Registration = new Registration(this, registry);
        Relocation = new Relocation(this);
        Matcher = new Matcher(this, graph);
        Logs = new LogOpener(this);
        Traffic = new Traffic(this, resumed ? 0 : welcome.Incarnation);
        Waiter = new Waiter(this);
        Callbacks = new CallbackPump(this);
        Slot.Write(ProcessTable.LastTake, -1L);
        Slot.Write(ProcessTable.Folder, (uint)folder.Folder.Descriptor);
    }

    public ProcessContext Process { get; }

    public RunFolder Folder { get; }

    public ProcessTable Table { get; }

    public uint SlotIndex { get; }

    public ulong ProcessId { get; }

    /// <summary>This process' slot of the process table.</summary>
    public Region Slot { get; }

    public ReplayJournal Determinants { get; }

    public Waiter Waiter { get; }

    public EntityTable EntityTable { get; } = new();

    public GuardFlags GuardFlags { get; } = new();

    public CallbackPump Callbacks { get; }

    /// <summary>What each log and journal may keep.</summary>
    public ILogLimits Limits { get; }

    internal GraphTable GraphTable { get; }

    internal TypeDescriptions Descriptions { get; }

    internal ProcessSlot ProcessSlot { get; }

    internal Registration Registration { get; }

    internal Relocation Relocation { get; }

    internal Matcher Matcher { get; }

    internal LogOpener Logs { get; }

    internal Traffic Traffic { get; }

    public uint Incarnation => Slot.AcquireUInt32(ProcessTable.Incarnation);

    /// <summary>
    /// The session of this process in the domain whose master takes its snapshots and recovers it; null: this one. A process
    /// cannot be brought back twice.
    /// </summary>
    public Session? Home => ProcessSlot.Home;

    /// <summary>See <see cref="Messages.Traffic.IsRecovering"/>.</summary>
    public bool IsRecovering => Traffic.IsRecovering;

    /// <summary>It has nothing mapped any more.</summary>
    public bool IsReleased => _released;

    /// <summary>Whether there ever was an event.</summary>
    public bool HasEvents { get; private set; }

    /// <summary>Whether there ever was an event that time causes: else waits need not look for when they are due.</summary>
    public bool HasTimedEvents { get; private set; }

    /// <summary>The entities by their ids, for a look at many; who is made later may not be in it.</summary>
    public Entity?[] Entities => EntityTable.All;

    /// <summary>The entity of an id, or null. Allocates nothing.</summary>
    public Entity? Find(uint id) => EntityTable.Find(id);

    /// <summary>The entity of an id in <see cref="Entities"/>, or null.</summary>
    public static Entity? Find(Entity?[] entities, uint id) => EntityTable.Find(entities, id);

    public T Get<T>(uint id)
        where T : Entity =>
        Find(id) as T ?? throw new Failure(Code.Invalid, $"{id} is no {typeof(T).Name.ToLowerInvariant()} of this process");

    /// <summary>Wakes this process' own waits.</summary>
    public void RingSelf() => Table.Ring(SlotIndex);

    internal void StartThreads()
    {
        _follower.Start();
        Process.Guardian.Watch(this);
    }

    public Node CreateNode(string name, string nameSpace, string enclave)
    {
        var graphGuard = CreateGuard(isOfGraph: true);
        var node = EntityTable.Add(id => new Node(this, id, name, nameSpace, enclave, graphGuard), reuse: false);
        EntityTable.Follow(node);
        try
        {
            Register(node, new Row { Name = name, Type = nameSpace, Enclave = enclave, Created = Posix.Now(Posix.RealtimeClock) });
        }
        catch
        {
            EntityTable.Unfollow(node);
            Destroy(graphGuard.Id);
            throw;
        }
        return node;
    }

    public Guard CreateGuard(bool isOfGraph = false) =>
        EntityTable.Add(id => new Guard(this, id) { IsOfGraph = isOfGraph }, reuse: true);

    public StatusEvent CreateEvent(Endpoint endpoint, EventKind kind)
    {
        HasEvents = true;
        if (kind is not (EventKind.LivelinessChanged or EventKind.LivelinessLost or EventKind.OfferedDeadlineMissed
            or EventKind.RequestedDeadlineMissed))
        {
            return EntityTable.Add(id => new MatchEvent(this, id, endpoint, kind), reuse: true);
        }
        HasTimedEvents = true;
        return EntityTable.Add(id => new TimedEvent(this, id, endpoint, kind), reuse: true);
    }

    public Endpoint CreateEndpoint(EntityKind kind, Node node, EndpointOptions options)
    {
        if (!options.Qos.IsValid)
        {
            throw new Failure(Code.Invalid, $"the QoS of {options.Topic} has a value that is none");
        }
        Descriptions.Keep(options);
        options = options with { Description = null };
        Endpoint endpoint;
        try
        {
            endpoint = EntityTable.Add(
                id => new Endpoint(this, id, kind, node, options, Query(id, Posix.Now(Posix.RealtimeClock))), reuse: false);
        }
        catch (IOException e)
        {
            var code = e is PosixException { Errno: Posix.Enospc } ? Code.NoSpace : Code.Error;
            throw new Failure(code, $"create the {kind.ToString().ToLowerInvariant()} of {options.Topic}: {e.Message}", e);
        }
        Register(endpoint, RowOf(endpoint));
        try
        {
            Matcher.Add(endpoint);
        }
        catch (Exception e)
        {
            Destroy(endpoint.Id);
            throw new Failure(Code.Error, $"match the {kind.ToString().ToLowerInvariant()} of {options.Topic}: {e.Message}", e);
        }
        return endpoint;
    }

    public void Destroy(uint id)
    {
        var entity = Find(id) ?? throw new Failure(Code.Invalid, $"{id} is no entity of this process");
        Withdraw(entity);
        if (entity is Node node)
        {
            EntityTable.Unfollow(node);
            Destroy(node.GraphGuard.Id);
        }
        if (entity is Node or Endpoint)
        {
            Registration.Unregister(id);
        }
        entity.Close();
        if (entity is Guard or StatusEvent)
        {
            EntityTable.Free(id);
        }
    }

    public bool IsServed(Endpoint client) => Matcher.IsServed(client);

    /// <summary>Live rows of a kind and name in the graph. Allocates nothing.</summary>
    public int Count(EntityKind kind, ReadOnlySpan<byte> name) => GraphQueries.Count(GraphTable, kind, name);

    /// <summary>Copies the live rows to <paramref name="rows"/>; returns how many there are.</summary>
    public int CopyGraph(Span<byte> rows) => GraphQueries.Copy(GraphTable, rows);

    /// <summary>An answer of the graph that the node may act upon: journalled, and in replay the journal's.</summary>
    public long Query(uint entity, long answer)
    {
        lock (Determinants.Gate)
        {
            return Determinants.Query(entity, answer);
        }
    }

    /// <summary>See <see cref="LogOpener.TryRead"/>.</summary>
    public bool TryRead(Endpoint local, Gid log) => Logs.TryRead(local, log);

    /// <summary>See <see cref="LogOpener.OpenSource"/>.</summary>
    public Source? OpenSource(Inbox inbox, Gid log, long first) => Logs.OpenSource(inbox, log, first);

    internal void CountTake(in FrameView frame) => Traffic.CountTake(frame);

    internal void CountLost(long messages) => Traffic.CountLost(messages);

    internal void CaughtUp() => Traffic.CaughtUp();

    /// <summary>
    /// Nobody uses it any more, until somebody joins again: the end of this process is no death. Its entities stay, and do
    /// what they did, until they are destroyed: programs take theirs down after they have shut down.
    /// </summary>
    public void ShutDown()
    {
        ProcessSlot.MarkLeft();
        Process.Homes.Leave(this);
        _follower.BeginWakes();
    }

    /// <summary>Takes <see cref="ShutDown"/> back.</summary>
    public void Rejoin()
    {
        Registration.Rejoin();
        // In this order: no master takes a snapshot of it that it would not see.
        Process.Homes.Enter(this);
        ProcessSlot.MarkLive();
    }

    /// <summary>This process' exit handlers run. One that has shut down has left; of others their exit status is looked at.</summary>
    public void MarkExiting() => ProcessSlot.MarkExiting();

    /// <summary>
    /// Leaves, closes what was not destroyed, and unmaps all that was mapped. Nothing may be asked of it any more.
    /// </summary>
    public void Release()
    {
        Process.Guardian.Leave(this);
        var isStill = Relocation.Stay();
        Process.Homes.Leave(this);
        foreach (var entity in Entities)
        {
            if (entity is not null)
            {
                Withdraw(entity);
                entity.Close();
            }
        }
        _released = true;
        RingSelf();
        Table.Notify(SlotIndex);
        // The threads end at once. One that does not keeps what it looks at, and its slot until this process ends.
        if (isStill && _follower.Join(Registration.Patience) && Callbacks.Join(Registration.Patience))
        {
            Registration.Leave();
            Determinants.Dispose();
            GraphTable.Dispose();
            if (!ProcessSlot.HasGuests)
            {
                // A thread of a guest's may be looking at it still.
                Table.Dispose();
            }
        }
    }

    bool IReplayed.ReplayMatch(uint entity, Gid log, long first)
    {
        if (Find(entity) is not Endpoint { Inbox: { } inbox })
        {
            return false;
        }
        if (!inbox.Reads(log))
        {
            OpenSource(inbox, log, first);
        }
        return true;
    }

    void IReplayed.FellBehind()
    {
        RingSelf();
        Table.Notify(SlotIndex);
    }

    bool IReplayed.IsTriggered(uint id) => Find(id) is Guard { IsTriggered: true };

    bool IReplayed.AwaitsTrigger(uint id) => Find(id) is Guard { IsTriggered: false, IsOfGraph: false };

    void IReplayed.ReplayEnded() => _follower.Rematch();

    /// <summary>From here on no call finds it.</summary>
    private void Withdraw(Entity entity)
    {
        EntityTable.Remove(entity);
        Callbacks.Set(entity, null);
        if (entity is Endpoint endpoint)
        {
            Matcher.Remove(endpoint);
        }
    }

    private void Register(Entity entity, Row row)
    {
        row.Entity_ = entity.Id;
        row.Kind = (uint)entity.Kind;
        row.Gid = Bytes(Gid.Size, new Gid(ProcessId, entity.Id, (uint)Folder.Domain).Write);
        try
        {
            Registration.Register(row);
        }
        catch (RegistryException e)
        {
            EntityTable.Drop(entity.Id);
            entity.Close();
            throw new Failure(e.NoMaster ? Code.NoMaster : Code.Error, e.Message, e);
        }
    }

    private static Row RowOf(Endpoint endpoint)
    {
        var options = endpoint.Options;
        var row = new Row
        {
            Node = endpoint.Node.Id,
            Qos = Bytes(Qos.Size, options.Qos.Write),
            Created = endpoint.Created,
            Name = options.Topic,
            Type = options.Type,
        };
        if (options.TypeHash is not null)
        {
            row.TypeHash = Google.Protobuf.ByteString.CopyFrom(options.TypeHash);
        }
        return row;
    }

    private Journal OpenJournal(bool resumed)
    {
        var journal = Journal.Open(Folder.Journal(ProcessId), Limits);
        if (resumed && journal.First > 0)
        {
            Report.Error("the journal's beginning is no longer kept (RMW_CKPT_RETENTION): this process starts from nothing");
            while (journal.HasNext)
            {
                journal.Advance();
            }
        }
        return journal;
    }

    private delegate void Filler(Span<byte> bytes);

    private static Google.Protobuf.ByteString Bytes(int size, Filler fill)
    {
        var bytes = new byte[size];
        fill(bytes);
        return Google.Protobuf.ByteString.CopyFrom(bytes);
    }
}
