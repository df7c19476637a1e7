using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Log;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Graph;
using RmwCkpt.Middleware.Messages;
using RmwCkpt.Middleware.Processes;
using RmwCkpt.Middleware.Replay;
using RmwCkpt.Middleware.Waiting;
using Entity = RmwCkpt.Middleware.Entities.Entity;

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
        ReplayJournal = new ReplayJournal(this, OpenJournal(resumed), Slot, welcome.Incarnation, resumed);
        Registration = new Registration(this, registry);
        Relocation = new Relocation(this);
        SnapshotPlace = new SnapshotPlace(this);
        Matcher = new Matcher(this, graph);
        Logs = new LogOpener(this);
        Traffic = new Traffic(this, resumed ? 0 : welcome.Incarnation);
        Maker = new EntityMaker(this);
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

    public ReplayJournal ReplayJournal { get; }

    public Waiter Waiter { get; }

    public EntityTable EntityTable { get; } = new();

    public EntityMaker Maker { get; }

    public GuardFlags GuardFlags { get; } = new();

    public CallbackPump Callbacks { get; }

    /// <summary>What each log and journal may keep.</summary>
    public ILogLimits Limits { get; }

    internal GraphTable GraphTable { get; }

    internal TypeDescriptions Descriptions { get; }

    internal ProcessSlot ProcessSlot { get; }

    internal Registration Registration { get; }

    internal Relocation Relocation { get; }

    internal SnapshotPlace SnapshotPlace { get; }

    internal Matcher Matcher { get; }

    internal LogOpener Logs { get; }

    internal Traffic Traffic { get; }

    public uint Incarnation => Slot.AcquireUInt32(ProcessTable.Incarnation);

    /// <summary>
    /// The session of this process in the domain whose master takes its snapshots and recovers it; null: this one. A process
    /// cannot be brought back twice.
    /// </summary>
    public Session? Primary => ProcessSlot.Primary;

    /// <summary>It has nothing mapped any more.</summary>
    public bool IsReleased => _released;

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

    /// <summary>An answer of the graph that the node may act upon: journalled, and in replay the journal's.</summary>
    public long Query(uint entity, long answer)
    {
        lock (ReplayJournal.Gate)
        {
            return ReplayJournal.Query(entity, answer);
        }
    }

    /// <summary>
    /// Nobody uses it any more, until somebody joins again: the end of this process is no death. Its entities stay, and do
    /// what they did, until they are destroyed: programs take theirs down after they have shut down.
    /// </summary>
    public void ShutDown()
    {
        ProcessSlot.MarkExited();
        Process.InUse.Leave(this);
        _follower.BeginWakes();
    }

    /// <summary>Takes <see cref="ShutDown"/> back.</summary>
    public void Rejoin()
    {
        Registration.Rejoin();
        // In this order: no master takes a snapshot of it that it would not see.
        Process.InUse.Enter(this);
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
        Process.InUse.Leave(this);
        Maker.CloseAll();
        _released = true;
        RingSelf();
        Table.Notify(SlotIndex);
        // The threads end at once. One that does not keeps what it looks at, and its slot until this process ends.
        if (isStill && _follower.Join(Registration.Patience) && Callbacks.Join(Registration.Patience))
        {
            Registration.Leave();
            ReplayJournal.Dispose();
            GraphTable.Dispose();
            if (!ProcessSlot.HasSecondaries)
            {
                // A thread of a secondary session may be looking at it still.
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
            Logs.OpenSource(inbox, log, first);
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
}
