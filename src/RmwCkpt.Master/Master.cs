using System.Diagnostics;
using Microsoft.Extensions.Logging;
using RmwCkpt.Domain;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Hosting;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Recovery;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Server;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Master.Sweeping;
using RmwCkpt.Memory;

namespace RmwCkpt.Master;

/// <summary>The master's parts, wired. Made and run by <see cref="MasterProgram"/>, and by tests.</summary>
public sealed class Master : IDisposable
{
    private readonly RunFolder _folder;
    private readonly ILogger _log;
    private readonly MasterOptions _options;
    private readonly IProcessProbe _probe;
    private readonly EngineChoice _engine;
    private readonly RegistryServer _server;
    private readonly TaskCompletionSource<string> _stop = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What is done for who is here; <see cref="_parts"/> outlast it.</summary>
    private readonly List<IDisposable> _duties = [];
    private readonly List<IDisposable> _parts = [];
    private RequestHandler _handler;
    private Stopwatch? _idleSince;

    public Master(RunFolder folder, MasterOptions options, EngineChoice engine, IProcessProbe probe, ILogger log)
    {
        (_folder, _options, _probe, _log) = (folder, options, probe, log);
        _engine = engine;
        _handler = (_, _, _, _) => throw new RequestException("the master is starting");
        _server = new RegistryServer(folder.Socket, (peer, request, progress, cancel) => _handler(peer, request, progress, cancel), log);
    }

    /// <summary>Completed with the reason when somebody wants the master to stop.</summary>
    public Task<string> Stopped => _stop.Task;

    internal RegistryServer Server => _server;

    internal ProcessRegistry? Processes { get; private set; }

    internal Supervisor? Supervisor { get; private set; }

    internal Sweeper? Sweeper { get; private set; }

    /// <summary>Listens, reads what the master before left, takes over its processes, and answers.</summary>
    /// <exception cref="IOException">The run folder cannot be used.</exception>
    public void Start(Stopwatch sinceStart)
    {
        _server.Listen();
        var listening = sinceStart.Elapsed.TotalMilliseconds;
        var registry = ProcessRegistry.Open(_folder, _probe, _log);
        Processes = registry;
        var store = new SnapshotStore(_folder, _log);
        var memory = new MemoryWatch(_folder, registry, _options, _log);
        var room = new ImageRoom(store, registry, memory);
        var copier = new SnapshotCopier(store, room, _options.KeepsOnDisk, _log);
        var scheduler = new SnapshotScheduler(
            registry, new SnapshotTaker(_folder, registry, store, _engine, room, _log), copier, _engine, _options, () => memory.EarlyBytes, _log);
        var watch = new FolderWatch(_folder);
        var supervisor = new Supervisor(_folder, watch, registry, store, _engine, _options, _log);
        var state = new StateShare(_folder);
        var sweeper = new Sweeper(
            _folder, watch, registry, store, state, _engine, () => MemoryPlan.OrphanedLogs(memory.Budget), _log);
        var orphans = new OrphanReaper(registry.IsExpected, _log);
        var kin = new KinWatch(registry);
        var housekeeping = new Housekeeping(
            _log, () => EndIfLost(watch), () => sweeper.Sweep(Clock.Steady), registry.MendJournal, orphans.Look);
        _duties.AddRange([_server, housekeeping, scheduler, copier, kin, memory, state]);
        _parts.AddRange([supervisor, registry]);
        supervisor.Ended += sweeper.Add;
        supervisor.Ended += m => ForkEngine.End(_folder.SnapshotPage(m.Id));
        (Supervisor, Sweeper) = (supervisor, sweeper);
        supervisor.Recovered += scheduler.DueAfterRecovery;
        registry.Registered += sweeper.Replace;
        registry.Returned += m => store.RemoveAll(m.Id);
        registry.Leaving += sweeper.Add;
        registry.Destroyed += sweeper.Add;
        foreach (var member in registry.Members)
        {
            store.RemoveUnfinished(member.Id);
            TakeOverSnapshots(member, store, copier);
        }
        supervisor.Start();
        memory.Start();
        foreach (var member in registry.Members)
        {
            scheduler.Due(member, SnapshotScheduler.Settle);
        }
        scheduler.Start();
        copier.Start();
        kin.Start();
        housekeeping.Start();
        var status = new StatusReport(_folder, registry, store, memory, _engine, supervisor.Streams);
        _handler = new Requests(registry, supervisor, scheduler, store, status, memory, Stop).Handle;
        _server.Start();
        registry.AskWhoLives();
        foreach (var complaint in _options.Complaints)
        {
            _log.Complaint(complaint);
        }
        _log.Listening(_folder.Domain, Posix.ProcessId, _folder.Socket.FullName, listening, sinceStart.Elapsed.TotalMilliseconds);
        _ = _engine.Prepare(TimeSpan.FromSeconds(0.3), () => registry.Policies, _log.Engine);
    }

    /// <summary>Nobody new finds a master whose run folder is gone; those who had it make another and its master.</summary>
    private void EndIfLost(FolderWatch watch)
    {
        if (watch.WhyLost is { } why)
        {
            Stop(why);
        }
    }

    public void Stop(string why) => _stop.TrySetResult(why);

    /// <summary>How long there has been no process, living or to be recovered or asked about, as far as this was asked.</summary>
    public TimeSpan IdleFor
    {
        get
        {
            if (Processes!.Members.Any(x => x.Entry.State != ProcessState.Exited))
            {
                _idleSince = null;
                return TimeSpan.Zero;
            }
            return (_idleSince ??= Stopwatch.StartNew()).Elapsed;
        }
    }

    /// <summary>
    /// Where the run folder was removed, and cannot be put back: serves nobody any more, lets the next master begin, and
    /// stays for those that it does not know yet (<see cref="Handover"/>).
    /// </summary>
    /// <param name="letGo">Makes way for the next master.</param>
    internal void HandOn(Action letGo, TimeSpan limit, CancellationToken cancel)
    {
        if (Processes!.Table.Is(_folder))
        {
            return;
        }
        End(_duties);
        Processes.AbandonJournal();
        letGo();
        new Handover(Supervisor!).Run(limit, cancel);
    }

    public void Dispose()
    {
        End(_duties);
        End(_parts);
    }

    private static void End(List<IDisposable> parts)
    {
        parts.ForEach(x => x.Dispose());
        parts.Clear();
    }

    private static void TakeOverSnapshots(Member member, SnapshotStore store, SnapshotCopier copier)
    {
        if (store.List(member.Id).FirstOrDefault(x => x.Manifest is not null) is { Manifest: { } newest })
        {
            (member.LastNumber, member.LastPosition, member.LastTaken) = (newest.Number, newest.JournalPosition, newest.Taken);
            member.Below = newest.Below;
            (member.OldestTaken, member.LastFrozen, member.ImageBytes) = (newest.Taken, newest.Frozen, newest.Bytes);
        }
        foreach (var number in store.Unpersisted(member.Id).Order())
        {
            copier.Add(member, number);
        }
    }
}
