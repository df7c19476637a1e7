using Microsoft.Extensions.Logging;
using RmwCkpt.Domain;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Hosting;
using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Snapshots;

/// <summary>
/// Says when snapshots are taken: one at a time, but for those that take long, which hold up no other. The first soon after
/// a process has registered its last endpoint and talks, then one each interval; earlier when its journal has grown long,
/// when a recovery would have much to do again, or when it has taken so much that the logs may soon let go of what it would read again; never when nothing has
/// happened since the last.
/// </summary>
internal sealed class SnapshotScheduler : IDisposable
{
    /// <summary>Quiet time after a registration before the first snapshot.</summary>
    public const long Settle = Clock.Second / 2;

    /// <summary>
    /// How much later the first snapshot of a process is that has exchanged no messages yet: it has little to lose, and much
    /// that is timed, as tests and start-up code, is over by then.
    /// </summary>
    private const long Quiet = 4 * Clock.Second;

    /// <summary>Messages that a node publishes of its own when it starts: parameter events, log lines.</summary>
    private const long Greeting = 8;

    private const long Look = Clock.Second;

    /// <summary>A snapshot that takes longer is not waited for: its process is large, or stopped.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(500);

    /// <summary>How long the master's end waits for those under way, which the engine has been told to leave.</summary>
    private static readonly TimeSpan s_endPatience = TimeSpan.FromSeconds(1);

    private const int MostDoublings = 6;

    /// <summary>Journal cells whose replay takes a slow process a good part of a second.</summary>
    private const long LongReplay = 1000;

    private readonly object _gate = new();
    private readonly ProcessRegistry _registry;
    private readonly SnapshotTaker _taker;
    private readonly SnapshotCopier _copier;
    private readonly MasterOptions _options;
    private readonly ILogger _log;
    private readonly EngineChoice _engine;
    private readonly Func<long> _earlyBytes;
    private readonly Queue<(Member Member, TaskCompletionSource<SnapshotOutcome> Done)> _orders = new();
    private readonly Thread _thread;
    private readonly List<Task> _slow = [];
    private readonly CancellationTokenSource _stopping = new();

    /// <param name="earlyBytes">After how many bytes taken a snapshot is early: logs may soon let go of them.</param>
    public SnapshotScheduler(
        ProcessRegistry registry, SnapshotTaker taker, SnapshotCopier copier, EngineChoice engine, MasterOptions options,
        Func<long> earlyBytes, ILogger log)
    {
        _earlyBytes = earlyBytes;
        (_registry, _taker, _copier, _options, _log) = (registry, taker, copier, options, log);
        _engine = engine;
        _thread = new Thread(Run) { Name = "snapshots", IsBackground = true };
        registry.Registered += m =>
        {
            if (m.LastPosition < 0)
            {
                Due(m, Settle);
            }
        };
    }

    /// <summary>Time between two snapshots of a process, ns; zero: only by hand.</summary>
    private static long Interval(Member member) => SnapshotTiming.Interval(member.Policy, member.LastFrozen);

    public void Start() => _thread.Start();

    /// <summary>Makes a process' next snapshot due.</summary>
    public void Due(Member member, long inNanoseconds)
    {
        if (Interval(member) == 0)
        {
            return;
        }
        lock (_gate)
        {
            member.DueAt = Clock.Steady + inNanoseconds;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>
    /// Makes a recovered process' next snapshot due: at once after a long replay, which would be longer still the next time.
    /// </summary>
    public void DueAfterRecovery(Member member) =>
        Due(member, member.JournalEnd - member.LastPosition > LongReplay ? 0 : Settle);

    /// <summary>Takes a snapshot as soon as those ordered before are done.</summary>
    public Task<SnapshotOutcome> Order(Member member)
    {
        var done = new TaskCompletionSource<SnapshotOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _orders.Enqueue((member, done));
            Monitor.Pulse(_gate);
        }
        return done.Task;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _stopping.Cancel();
            Monitor.Pulse(_gate);
        }
        _engine.Stop();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }
        Task.WaitAll([.. _slow], s_endPatience);
        while (_orders.TryDequeue(out var order))
        {
            order.Done.TrySetResult(new SnapshotOutcome(0, "the master stops", null));
        }
    }

    private void Run()
    {
        while (true)
        {
            Member? member;
            TaskCompletionSource<SnapshotOutcome>? ordered = null;
            lock (_gate)
            {
                if (_stopping.IsCancellationRequested)
                {
                    return;
                }
                if (_orders.TryDequeue(out var order))
                {
                    (member, ordered) = order;
                }
                else if ((member = NextDue(out var wait)) is null)
                {
                    Monitor.Wait(_gate, TimeSpan.FromTicks((wait / 100) + 1));
                    continue;
                }
            }
            // Another thread's: one that hangs holds up no other.
            member.IsTaking = true;
            var task = Task.Factory.StartNew(
                () => Take(member, ordered), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            if (!task.Wait(s_patience))
            {
                _slow.RemoveAll(x => x.IsCompleted);
                _slow.Add(task);
            }
        }
    }

    private void Take(Member member, TaskCompletionSource<SnapshotOutcome>? ordered)
    {
        try
        {
            var begun = Clock.Steady;
            var outcome = _taker.Take(member, unlessUnchanged: ordered is null, _stopping.Token);
            if (outcome.Number != 0)
            {
                member.Goal.Begin((int)member.Entry.Record.Pid, Clock.Steady - begun, Clock.Steady);
                member.NotBefore = Clock.Steady + SnapshotTiming.Pause(member.Policy, member.LastFrozen);
                _copier.Add(member, outcome.Number);
            }
            ordered?.SetResult(outcome);
        }
        catch (OperationCanceledException)
        {
            ordered?.SetResult(new SnapshotOutcome(0, "the master stops", null));
        }
        catch (Exception e)
        {
            _log.Unexpected($"a snapshot of {member}", e);
            ordered?.SetResult(new SnapshotOutcome(0, e.Message, null));
        }
        member.IsTaking = false;
        // What fails again and again freezes the process in vain: it is tried less and less often.
        Due(member, Interval(member) << Math.Min(member.FailedSnapshots, MostDoublings));
    }

    private bool IsEarly(Member member)
    {
        if (member.JournalFirst > member.LastPosition && member.JournalFirst > member.SeenFirst)
        {
            // It has begun anew, and no snapshot is of use to it any more. Once, should this one fail.
            (member.SeenFirst, member.FailedSnapshots, member.NotBefore) = (member.JournalFirst, 0, 0);
            return member.LastPosition >= 0;
        }
        return member.LastPosition >= 0 && member.FailedSnapshots == 0
            && (member.JournalEnd - member.LastPosition + (member.SecondaryCells - member.LastSecondaryCells) > _options.JournalLimit
                || member.TakenBytes - member.LastBytes > _earlyBytes()
                || member.Goal.IsMissed(member.Policy, (int)member.Entry.Record.Pid, Clock.Steady));
    }

    private static bool IsQuiet(Member member) => member.TakenBytes == 0 && member.Published <= Greeting;

    /// <summary>The process whose snapshot is most overdue, or null and for how long to wait.</summary>
    private Member? NextDue(out long wait)
    {
        wait = Look;
        var now = Clock.Steady;
        var longest = Look;
        Member? next = null;
        foreach (var member in _registry.Members)
        {
            if (member.DueAt == long.MaxValue && member.SecondaryCells > 0 && Interval(member) > 0)
            {
                // It has its nodes in other domains only.
                member.DueAt = now + Settle;
            }
            if (member.DueAt == long.MaxValue || member.Entry.State != ProcessState.Live || member.HasNodes
                || member.IsTaking)
            {
                continue;
            }
            if (IsEarly(member))
            {
                member.DueAt = Math.Min(member.DueAt, Math.Max(now, member.NotBefore));
            }
            if (SnapshotTaker.Obstacle(member) is not null)
            {
                // Recovering, or not live yet: looked at again soon.
                continue;
            }
            if (member.LastPosition < 0 && now < member.DueAt + Quiet && IsQuiet(member))
            {
                longest = now >= member.DueAt ? Look / 10 : longest;
                continue;
            }
            if (next is null || member.DueAt < next.DueAt)
            {
                next = member;
            }
        }
        if (next is null)
        {
            wait = Look / 10;
            return null;
        }
        wait = Math.Min(longest, next.DueAt - now);
        if (wait <= 0 && !_engine.HasImages(next.Policy))
        {
            next.DueAt = long.MaxValue;
            wait = 0;
            return null;
        }
        return wait <= 0 ? next : null;
    }
}
