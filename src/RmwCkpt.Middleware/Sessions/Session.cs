using System.Collections.Concurrent;
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
/// This process in one domain: its slot, its journal, its entities. Thread-safe. Entities get their ids in the order of
/// creation, so that a process that is started again and replays gives the same.
/// </summary>
public sealed partial class Session
{
    /// <summary>
    /// Set by the master for a process that it starts again to replay: ID@DOMAIN, the process id (hexadecimal) to take over
    /// in that domain (decimal).
    /// </summary>
    public const string ResumeVariable = "RMW_CKPT_RESUME";

    /// <summary>The bits of a ckpt_id that name the entity; the rest names the session.</summary>
    public const uint EntityMask = 0xffffff;

    private static readonly TimeSpan s_registryTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_leaveTimeout = TimeSpan.FromMilliseconds(500);

    private readonly RegistryClient _registry;
    private readonly GraphTable _graph;
    private readonly Matcher _matcher;
    private readonly Readership _readership;
    private readonly object _entitiesLock = new();
    private Entity?[] _entities = new Entity?[64];
    private readonly ConcurrentDictionary<uint, Node> _nodes = new();
    private readonly TypeDescriptions _descriptions;
    private uint _lastId;

    /// <summary>
    /// Of guard conditions and events that were destroyed, to be given again, the smallest first: executors make some for
    /// each short spin. The ids of others are in gids and logs, and are never given again.
    /// </summary>
    private readonly PriorityQueue<uint, uint> _freeIds = new();
    private volatile bool _rematch;
    private bool _unregisterFailed;

    /// <summary>Without its threads, as tests want it; see <see cref="Join"/>.</summary>
    internal Session(RunFolder folder, RegistryClient registry, ProcessTable table, GraphTable graph, Welcome welcome, bool resumed)
    {
        Folder = folder;
        _descriptions = new TypeDescriptions(folder);
        _registry = registry;
        Table = table;
        _graph = graph;
        SlotIndex = welcome.Slot;
        ProcessId = welcome.Process;
        Slot = table.Slot(welcome.Slot);
        Limits = new DomainLimits(table);
        var journal = Journal.Open(folder.Journal(ProcessId), Limits);
        if (resumed && journal.First > 0)
        {
            Report.Error("the journal's beginning is no longer kept (RMW_CKPT_RETENTION): this process starts from nothing");
            while (journal.HasNext)
            {
                journal.Advance();
            }
        }
        Determinants = new ReplayJournal(this, journal, Slot, welcome.Incarnation, resumed);
        _masters = table.Domain.AcquireUInt32(ProcessTable.Masters);
        _matcher = new Matcher(this, graph);
        _readership = new Readership(SlotIndex);
        Waiter = new Waiter(this);
        Callbacks = new CallbackPump(this);
        // The life that is no recovery need not say when it was first heard.
        _saidIn = resumed ? 0 : welcome.Incarnation;
        Slot.Write(ProcessTable.LastTake, -1L);
        Slot.Write(ProcessTable.Folder, (uint)folder.Folder.Descriptor);
    }

    public RunFolder Folder { get; }

    public ProcessTable Table { get; }

    public uint SlotIndex { get; }

    public ulong ProcessId { get; }

    /// <summary>This process' slot of the process table.</summary>
    public Region Slot { get; }

    public ReplayJournal Determinants { get; }

    public Waiter Waiter { get; }

    public GuardFlags GuardFlags { get; } = new();

    public CallbackPump Callbacks { get; }

    /// <summary>What each log and journal may keep.</summary>
    public ILogLimits Limits { get; }

    public uint Incarnation => Slot.AcquireUInt32(ProcessTable.Incarnation);

    /// <summary>Joins a domain: starts the master where there is none, registers, starts the threads.</summary>
    /// <exception cref="Failure">NoMaster, or Error with what is wrong with the run folder.</exception>
    public static Session Join(int domain)
    {
        KillPoints.Initialize();
        try
        {
            var folder = RunFolder.Join(domain);
            var resume = ReadResume(domain);
            var home = Homes.Current;
            var registry = new RegistryClient(folder);
            var started = Posix.Now(Posix.RealtimeClock);
            var hello = new Request { Hello = Greeting.Make(resume, started, home) };
            var welcome = MasterStarter.CallOrStart(folder, registry, hello, s_registryTimeout).Welcome;
            if (Versions.WhyNot(welcome) is { } why)
            {
                throw new Failure(Code.Error, $"join domain {domain}: {why}");
            }
            if (welcome.StandInOf != 0)
            {
                StandIn.Become(folder, welcome.StandInOf);
            }
            var table = ProcessTable.Open(folder, make: false);
            var graph = GraphTable.Open(folder);
            var session = new Session(folder, registry, table, graph, welcome, welcome.Resumed);
            session.StartThreads();
            Homes.Enter(session);
            return session;
        }
        catch (RegistryException e)
        {
            throw new Failure(e.NoMaster ? Code.NoMaster : Code.Error, e.Message, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new Failure(Code.Error, $"join domain {domain}: {e.Message}", e);
        }
    }

    /// <summary>Wakes this process' own waits.</summary>
    public void RingSelf() => Table.Ring(SlotIndex);

    /// <summary>The entity of an id, or null. Allocates nothing.</summary>
    public Entity? Find(uint id) => Find(Entities, id);

    /// <summary>The entities by their ids, for a look at many; who is made later may not be in it.</summary>
    public Entity?[] Entities => Volatile.Read(ref _entities);

    /// <summary>The entity of an id in <see cref="Entities"/>, or null.</summary>
    public static Entity? Find(Entity?[] entities, uint id)
    {
        id &= EntityMask;
        return id < entities.Length ? Volatile.Read(ref entities[id]) : null;
    }

    public T Get<T>(uint id)
        where T : Entity =>
        Find(id) as T ?? throw new Failure(Code.Invalid, $"{id} is no {typeof(T).Name.ToLowerInvariant()} of this process");

    public Node CreateNode(string name, string nameSpace, string enclave)
    {
        var graphGuard = CreateGuard(isOfGraph: true);
        var node = Add(id => new Node(this, id, name, nameSpace, enclave, graphGuard));
        _nodes[node.Id] = node;
        try
        {
            Register(node, new Row { Name = name, Type = nameSpace, Enclave = enclave, Created = Posix.Now(Posix.RealtimeClock) });
        }
        catch
        {
            _nodes.TryRemove(node.Id, out _);
            Destroy(graphGuard.Id);
            throw;
        }
        return node;
    }

    public Guard CreateGuard(bool isOfGraph = false) => Add(id => new Guard(this, id) { IsOfGraph = isOfGraph }, reuse: true);

    public StatusEvent CreateEvent(Endpoint endpoint, EventKind kind)
    {
        HasEvents = true;
        if (kind is not (EventKind.LivelinessChanged or EventKind.LivelinessLost or EventKind.OfferedDeadlineMissed
            or EventKind.RequestedDeadlineMissed))
        {
            return Add(id => new MatchEvent(this, id, endpoint, kind), reuse: true);
        }
        HasTimedEvents = true;
        return Add(id => new TimedEvent(this, id, endpoint, kind), reuse: true);
    }

    /// <summary>Whether there ever was an event.</summary>
    public bool HasEvents { get; private set; }

    /// <summary>Whether there ever was an event that time causes: else waits need not look for when they are due.</summary>
    public bool HasTimedEvents { get; private set; }

    public Endpoint CreateEndpoint(EntityKind kind, Node node, EndpointOptions options)
    {
        if (!options.Qos.IsValid)
        {
            throw new Failure(Code.Invalid, $"the QoS of {options.Topic} has a value that is none");
        }
        _descriptions.Keep(options);
        options = options with { Description = null };
        Endpoint endpoint;
        try
        {
            endpoint = Add(id => new Endpoint(this, id, kind, node, options, Query(id, Posix.Now(Posix.RealtimeClock))));
        }
        catch (IOException e)
        {
            var code = e is PosixException { Errno: Posix.Enospc } ? Code.NoSpace : Code.Error;
            throw new Failure(code, $"create the {kind.ToString().ToLowerInvariant()} of {options.Topic}: {e.Message}", e);
        }
        var row = new Row
        {
            Node = node.Id,
            Qos = Bytes(Qos.Size, options.Qos.Write),
            Created = endpoint.Created,
            Name = options.Topic,
            Type = options.Type,
        };
        if (options.TypeHash is not null)
        {
            row.TypeHash = Google.Protobuf.ByteString.CopyFrom(options.TypeHash);
        }
        Register(endpoint, row);
        try
        {
            _matcher.Add(endpoint);
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
            _nodes.TryRemove(node.Id, out _);
            Destroy(node.GraphGuard.Id);
        }
        if (entity is Node or Endpoint)
        {
            Unregister(id);
        }
        entity.Close();
        if (entity is Guard or StatusEvent)
        {
            lock (_entitiesLock)
            {
                _freeIds.Enqueue(id, id);
            }
        }
    }

    private void Unregister(uint id)
    {
        if (_unregisterFailed && IsLeaving)
        {
            // Where nobody needs a master any more there may be none, or one that does not answer; Leave says it all.
            return;
        }
        try
        {
            SayGone(id, IsLeaving ? s_leaveTimeout : s_registryTimeout);
        }
        catch (RegistryException e)
        {
            // Once: who takes down a thousand endpoints without a master needs no more.
            if (!_unregisterFailed && !IsLeaving)
            {
                Report.Error($"unregister: {e.Message}");
            }
            _unregisterFailed = true;
        }
    }

    private bool IsLeaving => Slot.AcquireUInt32(ProcessTable.State) == (uint)ProcessState.Left;

    /// <summary>From here on no call finds it.</summary>
    private void Withdraw(Entity entity)
    {
        lock (_entitiesLock)
        {
            if (Find(entity.Id) != entity)
            {
                throw new Failure(Code.Invalid, $"{entity.Id} is destroyed already");
            }
            Volatile.Write(ref _entities[entity.Id], null);
        }
        Callbacks.Set(entity, null);
        if (entity is Endpoint endpoint)
        {
            _matcher.Remove(endpoint);
        }
    }

    public bool IsServed(Endpoint client) => _matcher.IsServed(client);

    /// <summary>Live rows of a kind and name in the graph. Allocates nothing.</summary>
    public int Count(EntityKind kind, ReadOnlySpan<byte> name) => GraphQueries.Count(_graph, kind, name);

    /// <summary>Copies the live rows to <paramref name="rows"/>; returns how many there are.</summary>
    public int CopyGraph(Span<byte> rows) => GraphQueries.Copy(_graph, rows);

    internal T Add<T>(Func<uint, T> make, bool reuse = false)
        where T : Entity
    {
        lock (_entitiesLock)
        {
            var id = reuse && _freeIds.TryDequeue(out var free, out _) ? free : _lastId + 1;
            if (id > EntityMask)
            {
                throw new Failure(Code.Error, $"this process has made {EntityMask} entities; start it again");
            }
            var entity = make(id);
            _lastId = Math.Max(_lastId, id);
            if (id >= _entities.Length)
            {
                Array.Resize(ref _entities, _entities.Length * 2);
            }
            Volatile.Write(ref _entities[id], entity);
            return entity;
        }
    }

    private void Register(Entity entity, Row row)
    {
        row.Entity_ = entity.Id;
        row.Kind = (uint)entity.Kind;
        row.Gid = Bytes(Gid.Size, new Gid(ProcessId, entity.Id, (uint)Folder.Domain).Write);
        try
        {
            Say(row);
        }
        catch (RegistryException e)
        {
            lock (_entitiesLock)
            {
                _entities[entity.Id] = null;
            }
            entity.Close();
            throw new Failure(e.NoMaster ? Code.NoMaster : Code.Error, e.Message, e);
        }
    }

    /// <summary>An answer of the graph that the node may act upon: journalled, and in replay the journal's.</summary>
    public long Query(uint entity, long answer)
    {
        lock (Determinants.Gate)
        {
            return Determinants.Query(entity, answer);
        }
    }

    private delegate void Filler(Span<byte> bytes);

    private static Google.Protobuf.ByteString Bytes(int size, Filler fill)
    {
        var bytes = new byte[size];
        fill(bytes);
        return Google.Protobuf.ByteString.CopyFrom(bytes);
    }

    private static ulong ReadResume(int domain)
    {
        var parts = (Environment.GetEnvironmentVariable(ResumeVariable) ?? "").Split('@');
        if (parts.Length != 2 || !int.TryParse(parts[1], out var its) || its != domain)
        {
            return 0;
        }
        Posix.UnsetEnvironment(ResumeVariable);
        Environment.SetEnvironmentVariable(ResumeVariable, null);
        return ulong.TryParse(parts[0], System.Globalization.NumberStyles.HexNumber, null, out var id) ? id : 0;
    }
}
