using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Engines.Criu;
using RmwCkpt.Master.Hosting;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Server;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Master.Streams;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Recovery;

/// <summary>
/// Decides what an end of a process is and starts recoveries. Ends come from <see cref="DeathWatch"/>'s thread; each
/// recovery runs on a thread of its own, a few at a time.
/// </summary>
internal sealed partial class Supervisor : IDisposable
{
    /// <summary>The death at one and the same place after which a process stays down.</summary>
    public const uint LastDeath = 3;

    /// <summary>An incarnation that was live for longer than this is not counted towards <see cref="LastDeath"/>.</summary>
    public static readonly TimeSpan LongIncarnation = TimeSpan.FromSeconds(30);

    /// <summary>How long a restore may go on that the master before began.</summary>
    private static readonly TimeSpan s_restorePatience = TimeSpan.FromSeconds(10);

    /// <summary>How often who ordered a recovery looks whether it is under way.</summary>
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _atOnce = new(Math.Max(2, Environment.ProcessorCount));
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<Task, bool> _running = new();
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<Recovery>> _forced = new();
    private readonly ConcurrentDictionary<int, string> _fresh = new();

    private readonly FolderWatch _folderWatch;

    public Supervisor(
        RunFolder folder, FolderWatch watch, ProcessRegistry registry, SnapshotStore store, EngineChoice engine, MasterOptions options,
        ILogger log)
    {
        _folderWatch = watch;
        Later = new LaterTables(folder, registry.Table);
        (Folder, Registry, Store, Choice, Options, Log) = (folder, registry, store, engine, options, log);
        Attendance = new Attendance(registry.Table.Domain, () => Clock.Boot);
        Watch = new DeathWatch(OnEnd, log);
        Streams = new StreamRelay(folder, registry, log);
        _keepers = new DeathWatch(OnKeeperEnd, log);
        _launchers = new Launchers(registry.OpenPidfd, OnLauncherEnd, log);
        registry.Joined += OnJoined;
        registry.Kept += OnKept;
        registry.Superseded += OnSuperseded;
    }

    public RunFolder Folder { get; }

    /// <summary>
    /// Somebody has removed the run folder: nothing that was in it can be had, and who dies now is in none that is made after it.
    /// </summary>
    public string? WhyLost => _folderWatch.WhyLost;

    /// <summary>What was made in place of a run folder that was removed.</summary>
    public LaterTables Later { get; }

    /// <summary>
    /// Where the run folder was removed: whether a process is another master's to look after, as the next one's, which knows it as
    /// of the last look. Whose primary domain is another is that one's.
    /// </summary>
    public bool IsOfAnotherMaster(Member member) => PrimaryAddress.Of(member) is not null || Later.Have(member);

    /// <summary>The run folder's path leads to what is not to be trusted.</summary>
    public string? WhyBarred => _folderWatch.WhyBarred;

    public ProcessRegistry Registry { get; }

    public SnapshotStore Store { get; }

    /// <summary>Says who takes the snapshots; engine none is always there to fall back on.</summary>
    public EngineChoice Choice { get; }

    public ISnapshotEngine Fallback { get; } = new NoneEngine();

    public MasterOptions Options { get; }

    public ILogger Log { get; }

    public DeathWatch Watch { get; }

    public Attendance Attendance { get; }

    /// <summary>Passes on what recovered processes say.</summary>
    public StreamRelay Streams { get; }

    public CancellationToken Stopping => _stopping.Token;

    /// <summary>A process is gone for good: left, or never to come back by itself.</summary>
    public event Action<Member>? Ended;

    /// <summary>A process is live again.</summary>
    public event Action<Member>? Recovered;

    /// <summary>Takes over the processes of the master before this one, and begins to watch.</summary>
    public void Start()
    {
        var living = new List<Member>();
        var dead = new List<Member>();
        foreach (var member in Registry.Members)
        {
            switch (member.Entry.State)
            {
                case ProcessState.Exited or ProcessState.Failed:
                    Ended?.Invoke(member);
                    break;
                case var _ when Registry.IsForeign(member):
                    break;
                case var _ when Adopt(member):
                    living.Add(member);
                    break;
                default:
                    member.Stdio = HeldStdio.ByName(member.Entry.Record.Stdio);
                    dead.Add(member);
                    break;
            }
        }
        foreach (var member in Registry.Members)
        {
            MarkParents(member);
        }
        if (living.Count + dead.Count > 0)
        {
            Log.TookOver(living.Count, Registry.EntityCount, dead.Count);
        }
        Watch.Start();
        var now = Clock.Steady;
        // To nobody who lives anything is owed: whoever comes next begins anew, and is not to find the dead beside him.
        var whyNotUnasked = living.Count == 0 && dead.Count > 0 ? WhyStaysDown.AllWereKilled(DateTimeOffset.Now - Attendance.SinceMark) : null;
        dead.ForEach(m => OnEnd(m, now, -1, whyNotUnasked, isOrdered: m.Entry.Record.Restarting));
        foreach (var member in living)
        {
            GoOnTogether(member);
        }
        Attendance.Start();
        AdoptLaunchers();
    }

    /// <summary>Locked while a process is being restored.</summary>
    public TrustedPath LockFile(Member member) => Folder.Process(member.Id) / "restore.lock";

    /// <summary>The process will join as one that nobody has seen before; what it is told about then.</summary>
    public void StartedFresh(int pid, string note) => _fresh[pid] = note;

    /// <summary>
    /// A later incarnation of a process could not be given all of its attributes: said here, and by `status` from now on.
    /// </summary>
    public void AttributeLost(Member member, string what)
    {
        Log.AttributeLost(member.ToString(), what);
        if (!member.Entry.Record.Lost.Contains(what))
        {
            Registry.Update(member, r => r.Lost.Add(what));
        }
    }

    /// <summary>Tells that nobody waits for a process any more.</summary>
    public void Report(Member member) => Ended?.Invoke(member);

    public void ReportRecovered(Member member)
    {
        TellOfLauncher(member);
        Recovered?.Invoke(member);
    }

    public void Dispose()
    {
        _stopping.Cancel();
        Choice.Stop();
        Watch.Dispose();
        _keepers.Dispose();
        _launchers.Dispose();
        Attendance.Dispose();
        // A restore under way is brought to its end without us: the next master waits for it.
        Task.WaitAll([.. _running.Keys], TimeSpan.FromSeconds(1));
        Streams.Dispose();
        Later.Dispose();
        _stopping.Dispose();
        _atOnce.Dispose();
    }

    private void OnJoined(Member member, int pidfd)
    {
        Watch.Add(member.Id, pidfd);
        MarkParents(member);
        WatchLaunchers();
        if (_fresh.TryRemove((int)member.Entry.Record.Pid, out var note))
        {
            Registry.Update(member, r => (r.Note, r.Recoveries) = (note, 1));
            Log.StartedFresh(member.ToString(), member.Entry.Record.Pid, note);
        }
    }

    /// <summary>Remembers which processes have others below them.</summary>
    private void MarkParents(Member member)
    {
        // Numbers of other pid namespaces may be the same, and those of a process that has just become another program.
        var members = Registry.Members.Where(m => m.Entry.State == ProcessState.Live && !Registry.IsForeign(m))
            .DistinctBy(m => m.Entry.Record.Pid).ToDictionary(m => m.Entry.Record.Pid);
        var pid = (int)member.Entry.Record.Pid;
        for (var depth = 0; depth < 32 && ProcessProbe.StateOf(pid) is { } state && state.Parent > 1; depth++)
        {
            pid = state.Parent;
            if (members.TryGetValue((uint)pid, out var parent))
            {
                parent.HasNodes = true;
            }
        }
    }

    /// <summary>Watches a process of the master before; false when it is dead.</summary>
    private bool Adopt(Member member)
    {
        if (member.Entry.State == ProcessState.Recovering)
        {
            AwaitRestore(member);
        }
        var pid = (int)member.Entry.Record.Pid;
        var pidfd = Registry.OpenPidfd(pid);
        var itself = pidfd >= 0 && Registry.IsAlive(member);
        if (!itself && pidfd >= 0 && member.Entry.State == ProcessState.Recovering && Registry.IsOurs(pid)
            && Registry.StartTime(pid) is { } start)
        {
            // The master was killed after the restore and before it could say so.
            Registry.Update(member, r => (r.StartTime, r.State) = (start, (uint)ProcessState.Live));
            member.SlotState = ProcessState.Live;
            Registry.Ring(member);
            itself = true;
        }
        if (!itself)
        {
            if (pidfd >= 0)
            {
                Posix.Close(pidfd);
            }
            return false;
        }
        member.Stdio = HeldStdio.Hold(pid, pidfd);
        Streams.Follow(member);
        Watch.Add(member.Id, pidfd);
        return true;
    }

    private void AwaitRestore(Member member)
    {
        try
        {
            RestoreLock.Await(LockFile(member), s_restorePatience);
        }
        catch (IOException e)
        {
            Log.Unexpected($"waiting for the restore of {member} that the master before began", e);
        }
    }

    private void OnEnd(ulong process, long when, int pidfd)
    {
        if (Registry.Find(process) is { } member)
        {
            OnEnd(member, when, pidfd, whyNotUnasked: null, isOrdered: false);
        }
    }

    /// <param name="whyNotUnasked">Why it is not to be brought back unasked; null: it is, unless it is too old.</param>
    /// <param name="isOrdered">It is to come back, however it ended: the master before was told to, and has not seen it live.</param>
    private void OnEnd(Member member, long when, int pidfd, string? whyNotUnasked, bool isOrdered)
    {
        _forced.TryRemove(member.Id, out var forced);
        try
        {
            OnEnd(member, when, pidfd, whyNotUnasked, forced, isOrdered || forced is not null);
        }
        catch (Exception e)
        {
            forced?.TrySetException(new RequestException($"its end could not be handled: {e.Message}"));
            throw;
        }
    }

    private void OnEnd(
        Member member, long when, int pidfd, string? whyNotUnasked, TaskCompletionSource<Recovery>? forced, bool isOrdered)
    {
        var record = member.Entry.Record;
        var end = Look(member, record.Pid, pidfd, when) with
        {
            Exited = member.SlotState == ProcessState.Exiting,
            HasNothing = member.Entry.Entities.Count == 0 && !member.EndedBeforeJoining,
            LivedFor = member.LivedFor(when),
            IsRevived = record.Incarnation > 1,
            OnlySignals = member.Policy.Recover == RecoverPolicy.Signals,
        };
        (member.HowItEnded, member.EndedIncarnation) = (end, record.Incarnation);
        if (IsKilled(member, end))
        {
            forced?.TrySetException(new RequestException($"{member} was killed with all others"));
            return;
        }
        if (end.WasAskedBySignal && member.Launcher is { } launcher)
        {
            _launchers.NoteAsked(launcher, when - ((end.SinceAsked ?? TimeSpan.Zero).Ticks * 100));
            EndRevivedOf(launcher);
        }
        if (member.SlotState == ProcessState.Exited || member.Entry.State == ProcessState.Exited)
        {
            Registry.MarkExited(member);
            Ended?.Invoke(member);
            forced?.TrySetException(new RequestException($"{member} ended by itself"));
            return;
        }
        var isDecidedHere = PrimaryStatus.Of(member) is not { Decides: true };
        if (!isOrdered && isDecidedHere && (end.IsWanted || member.Entry.IsHidden))
        {
            if (end.IsWanted)
            {
                Log.EndedOnRequest(member.ToString(), record.Pid, end.ToString());
            }
            else
            {
                Log.ToolDied(member.ToString(), record.Pid, end.ToString());
            }
            Registry.MarkExited(member);
            Ended?.Invoke(member);
            return;
        }
        member.DiedAt = when;
        if (!end.IsWanted)
        {
            Log.Died(member.ToString(), record.Pid, end.ToString(), member.LastTake, record.Incarnation);
        }
        whyNotUnasked ??= Attendance.Absence() is { } absence ? WhyStaysDown.NobodyLooked(absence) : null;
        if (!isOrdered && isDecidedHere && whyNotUnasked is not null)
        {
            new Recovery(this, member, when, forced: false).GiveUp(whyNotUnasked);
            return;
        }
        Begin(member, when, isOrdered, forced);
    }

    /// <param name="goesOn">It runs by the master before, and is only to be seen live.</param>
    private void Begin(Member member, long diedAt, bool forced, TaskCompletionSource<Recovery>? done, bool goesOn = false)
    {
        member.Recovering = true;
        member.DiedAt = diedAt;
        var recovery = new Recovery(this, member, diedAt, forced);
        if (goesOn)
        {
            recovery.GoOn();
        }
        Task task = null!;
        task = new Task(
            () =>
            {
                Registry.BeginWork();
                try
                {
                    _atOnce.Wait(_stopping.Token);
                    try
                    {
                        recovery.BringBack();
                    }
                    finally
                    {
                        _atOnce.Release();
                    }
                    recovery.FollowPrimary();
                    recovery.SeeItLive();
                }
                catch (Exception e) when (e is OperationCanceledException || _stopping.IsCancellationRequested)
                {
                    // The next one finds the process dead or alive.
                    done?.TrySetException(new RequestException("the master stops; the next one goes on with it"));
                }
                catch (Exception e)
                {
                    GiveUp(recovery, member, e);
                }
                finally
                {
                    Registry.EndWork();
                    done?.TrySetResult(recovery);
                    _running.TryRemove(task, out _);
                }
            },
            TaskCreationOptions.LongRunning);
        _running.TryAdd(task, true);
        task.Start();
    }

    /// <summary>Whatever fails: who waits for the recovery is told.</summary>
    private void GiveUp(Recovery recovery, Member member, Exception e)
    {
        try
        {
            Log.Unexpected($"the recovery of {member}", e);
            recovery.GiveUp($"the recovery failed unexpectedly: {e.Message}");
        }
        catch (Exception again)
        {
            Log.Unexpected($"giving {member} up", again);
        }
    }
}
