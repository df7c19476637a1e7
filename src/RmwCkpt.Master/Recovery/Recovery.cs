using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Registry;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Recovery;

/// <summary>Where a recovery is.</summary>
internal enum RecoveryPhase
{
    /// <summary>Just dead: is it to come back at all?</summary>
    Decide,

    /// <summary>Its process id may still be a zombie's.</summary>
    FreePid,

    /// <summary>Its next incarnation gets a number, on record before it can do anything.</summary>
    Raise,

    /// <summary>Images are tried, newest first.</summary>
    Restore,

    /// <summary>No image will do: its command is started again.</summary>
    StartAgain,

    /// <summary>The master of another domain, its primary one, is to bring it back.</summary>
    Follow,

    /// <summary>It runs; it replays.</summary>
    Replaying,

    /// <summary>End: it is live.</summary>
    Live,

    /// <summary>End: it stays down.</summary>
    Down,

    /// <summary>End: it has died or left during the replay, which another recovery, another master or nobody looks after.</summary>
    Overtaken,

    /// <summary>End: its command was started anew, as another process of the domain.</summary>
    Fresh,
}

/// <summary>
/// One recovery: a state machine whose every step returns the next phase. Runs on one thread.
/// <code>
/// Decide -> FreePid -> Raise -> Restore -> Replaying -> Live | Overtaken
///    |         |                   |-> StartAgain -> Replaying | Fresh | Down
///    |-> Down  |-> (taken for too long: images are passed over)
///    |-> Raise -> Follow -> Replaying | Down        (its primary domain is another)
/// </code>
/// </summary>
internal sealed partial class Recovery(Supervisor supervisor, Member member, long diedAt, bool forced)
{
    /// <summary>Incarnations one after the other that fail at once; then its launcher's next start is let through.</summary>
    private const uint MostFailures = 2;

    /// <summary>Who has not said again for so long what was said already has nothing of it left, ns.</summary>
    private const long MutePatience = 500 * Clock.Millisecond;

    private static readonly TimeSpan s_pidPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_primaryPatience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_liveSoon = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_livePatience = TimeSpan.FromMinutes(10);
    private readonly string _name = member.ToString();
    private string _whyNoImage = "";
    private string _passedOver = "";
    private uint _incarnation;
    private PrimaryAddress? _primary;
    private long _suppressed = -1;
    private long _suppressedAt;

    public RecoveryPhase Phase { get; private set; } = RecoveryPhase.Decide;

    private ISnapshotEngine Engine => supervisor.Choice.For(member.Policy);

    /// <summary>Why it stays down.</summary>
    public string Why { get; private set; } = "";

    /// <summary>
    /// From the death to a running process, or to the decision that there will be none; or to <see cref="RecoveryPhase.Follow"/>.
    /// </summary>
    public void BringBack() => StepUntil(RecoveryPhase.Follow);

    /// <summary>After <see cref="BringBack"/>: waits for another domain's master, if it is that one's to bring back.</summary>
    public void FollowPrimary() => StepUntil(RecoveryPhase.Replaying);

    private void StepUntil(RecoveryPhase end)
    {
        member.Gate.Wait(supervisor.Stopping);
        try
        {
            while (Phase < end)
            {
                Phase = member.Entry.Record switch
                {
                    { ToldToEnd: true } => LetGo(),
                    { Killed: not 0 } => StayKilled(),
                    _ => Step(),
                };
            }
        }
        finally
        {
            member.Gate.Release();
        }
    }

    /// <summary>From the running process to the live one. Polls, for the process only writes to its slot.</summary>
    public void SeeItLive()
    {
        var since = Clock.Steady;
        var said = false;
        while (Phase == RecoveryPhase.Replaying)
        {
            var waited = TimeSpan.FromTicks((Clock.Steady - since) / 100);
            if (member.LiveAt > diedAt && !IsMute())
            {
                BecomeLive();
            }
            else if (member.Entry.Record.Incarnation != _incarnation || member.SlotState != ProcessState.Live
                || member.DiedAt != diedAt || waited > s_livePatience)
            {
                Phase = RecoveryPhase.Overtaken;
                Why = "it ended again while it replayed";
                member.Recovering &= member.DiedAt != diedAt;
            }
            else
            {
                if (!said && waited > s_liveSoon)
                {
                    said = true;
                    supervisor.Log.SlowRecovery(_name, waited.TotalSeconds, member.Mode.ToString());
                }
                supervisor.Stopping.WaitHandle.WaitOne(waited > s_liveSoon ? 100 : 2);
                supervisor.Stopping.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>
    /// All that it says its previous incarnation has said already: it sleeps by other clocks than ROS's, and is not where that one
    /// was.
    /// </summary>
    private bool IsMute()
    {
        if (member.SaidAt > diedAt || member.Published == 0)
        {
            return false;
        }
        var suppressed = member.Slot.AcquireInt64(ProcessTable.Suppressed);
        if (suppressed != _suppressed)
        {
            (_suppressed, _suppressedAt) = (suppressed, Clock.Steady);
        }
        return Clock.Steady - _suppressedAt < MutePatience;
    }

    /// <summary>It stays down, with a report.</summary>
    public void GiveUp(string why)
    {
        Settle(why);
        supervisor.Log.Failed(_name, why);
        supervisor.Report(member);
    }

    private void Settle(string why)
    {
        Why = why;
        Phase = RecoveryPhase.Down;
        member.Recovering = false;
        supervisor.Registry.Update(member, r =>
            (r.State, r.Note, r.Ended, r.Restarting) = ((uint)ProcessState.Failed, why, Clock.Real, false));
        member.SlotState = ProcessState.Failed;
        member.Stdio.Dispose();
    }

    private RecoveryPhase Step() => Phase switch
    {
        RecoveryPhase.Decide => Decide(),
        RecoveryPhase.FreePid => FreePid(),
        RecoveryPhase.Raise => Raise(),
        RecoveryPhase.Restore or RecoveryPhase.StartAgain when IsBarred() => Phase,
        RecoveryPhase.Restore => Restore(),
        RecoveryPhase.StartAgain => StartAgain(),
        RecoveryPhase.Follow => Follow(),
        _ => throw new InvalidOperationException($"no step from {Phase}"),
    };

    private RecoveryPhase Decide()
    {
        if (PrimaryAddress.Of(member) is { } primary && primary.Look() is { Decides: true } there
            && !(forced && there.State == ProcessState.Failed))
        {
            _primary = primary;
            return RecoveryPhase.Raise;
        }
        if (member.WhyNotBroughtBack is { } whyNot)
        {
            return Down($"it died, and is not brought back: {whyNot}");
        }
        if (forced || member.Entry.State == ProcessState.Recovering)
        {
            // Ordered; or decided by the master before this one, which was killed in the middle of it.
            return RecoveryPhase.FreePid;
        }
        if (member.Policy.Recover == RecoverPolicy.Off)
        {
            return Down("it died, and RMW_CKPT_RECOVER=off");
        }
        if (member.HasNodes)
        {
            return Down("it died, and it had started other nodes: starting it again would start them twice");
        }
        var position = member.LastTake;
        var record = member.Entry.Record;
        var failed = member.HowItEnded.FailedAgain ? record.FailedAgain + 1 : 0;
        if (failed >= MostFailures)
        {
            return Down($"it was brought back, and ended by itself again at once ({member.HowItEnded}), {failed} times; "
                + "rmw_ckpt recover tries once more");
        }
        var wasGood = member.LiveAt != 0
            && diedAt - member.LiveAt > (long)Supervisor.LongIncarnation.TotalMilliseconds * Clock.Millisecond;
        // What a replay says again is not counted as published: only an incarnation that came further has said more.
        var published = member.Published + member.SecondaryCells;
        var isSamePlace = record.DeathPosition == position && record.DeathPublished == published;
        var deaths = isSamePlace && record.Deaths > 0 && !wasGood ? record.Deaths + 1 : 1;
        supervisor.Registry.Update(member, r =>
            (r.Deaths, r.DeathPosition, r.DeathPublished, r.FailedAgain) = (deaths, position, published, failed));
        return deaths < Supervisor.LastDeath
            ? RecoveryPhase.FreePid
            : Down($"it has died {deaths} times in the same place, "
                + (member.EndedBeforeJoining
                    ? $"before it joined: {CommandsError.Of(member, supervisor.Folder)}"
                    : position < 0
                    ? "before it took anything"
                    : $"after cell {position} of its journal: what it took there kills it (rmw_ckpt journal show)")
                + "; rmw_ckpt recover tries once more");
    }

    /// <summary>It was told to end while it was dead.</summary>
    private RecoveryPhase LetGo()
    {
        Why = "it was told to end (rmw_ckpt stop)";
        member.Recovering = false;
        supervisor.Registry.MarkExited(member);
        supervisor.Report(member);
        return RecoveryPhase.Down;
    }

    /// <summary>It was killed with all others: kept for `rmw_ckpt restart`, and not reported as one that stays down for good.</summary>
    public RecoveryPhase StayKilled()
    {
        Settle(WhyStaysDown.Killed(DateTimeOffset.Now.AddTicks((member.Entry.Record.Killed - Clock.Boot) / 100)));
        // Who reads its pipes has seen their end by now. Its terminal is its own as long as it may come back to it.
        member.Stdio = HeldStdio.ByName(member.Entry.Record.Stdio);
        return RecoveryPhase.Down;
    }

    /// <summary>It runs already, by the master before: it is to be seen live.</summary>
    public void GoOn() => (Phase, _incarnation) = (RecoveryPhase.Replaying, member.Entry.Record.Incarnation);

    private RecoveryPhase Down(string why)
    {
        GiveUp(why);
        return RecoveryPhase.Down;
    }

    /// <summary>
    /// What is left of its tree goes. CRIU gives the process its id again, so a zombie must have been collected by its parent.
    /// </summary>
    private RecoveryPhase FreePid()
    {
        var record = member.Entry.Record;
        var ended = EndLeft();
        _whyNoImage = Engine is NoneEngine ? "engine none"
            : Engine.KeepsIds && supervisor.WhyLost is null && ended.Prepend((int)record.Pid).Any(x => !IsFree(x, s_pidPatience))
                && ProcessProbe.Exists((int)record.Pid)
            ? WhyTaken((int)record.Pid) : "";
        return RecoveryPhase.Raise;
    }

    /// <summary>
    /// Ends what is left of its tree, but for its snapshot, and for who has become it by an order of the master before.
    /// </summary>
    public IReadOnlyList<int> EndLeft()
    {
        var record = member.Entry.Record;
        var others = supervisor.Registry.Members.Where(m => m != member && m.Entry.State == ProcessState.Live)
            .Select(m => (int)m.Entry.Record.Pid).ToHashSet();
        others.UnionWith([ForkEngine.ChildOf(supervisor.Folder.SnapshotPage(member.Id)), Living(Claim)]);
        var ended = ProcessKin.EndLeft((int)record.Pid, (int)(record.Attributes?.Session ?? 0), member.Below, others.Contains);
        if (ended.Count > 0)
        {
            supervisor.Log.LeftEnded(_name, string.Join(", ", ended));
        }
        return ended;
    }

    private bool IsFree(int pid, TimeSpan patience)
    {
        var until = Clock.Steady + ((long)patience.TotalMilliseconds * Clock.Millisecond);
        while (ProcessProbe.Exists(pid))
        {
            if (!Posix.Reap(pid, out _) && Clock.Steady > until)
            {
                return false;
            }
            supervisor.Stopping.WaitHandle.WaitOne(1);
            supervisor.Stopping.ThrowIfCancellationRequested();
        }
        return true;
    }

    private static string WhyTaken(int pid) => ProcessProbe.StateOf(pid) is { State: 'Z' } zombie
        ? $"process id {pid} is still taken: its parent, process {zombie.Parent}, does not collect it"
        : $"process id {pid} is another process' now";

    private RecoveryPhase Raise()
    {
        supervisor.Registry.Update(member, r =>
        {
            r.State = (uint)ProcessState.Recovering;
            r.Note = "";
            r.Incarnation++;
        });
        _incarnation = member.Entry.Record.Incarnation;
        member.Slot.Release(ProcessTable.Incarnation, _incarnation);
        OpenClaim();
        member.SlotState = ProcessState.Recovering;
        return _primary is not null ? RecoveryPhase.Follow
            : _whyNoImage.Length == 0 ? RecoveryPhase.Restore
            : RecoveryPhase.StartAgain;
    }

    private RecoveryPhase Follow()
    {
        var primary = _primary!.Value;
        var begun = Clock.Steady;
        var looked = begun;
        while (true)
        {
            var there = primary.Look();
            var waited = TimeSpan.FromTicks((Clock.Steady - begun) / 100);
            switch (there.State)
            {
                case ProcessState.Live when IsNextIncarnation(there.Pid) && Adopt(there.Pid, $"by domain {primary.Domain}"):
                // It lives, and has left its primary domain meanwhile; another one is that now.
                case ProcessState.Exited when PrimaryAddress.Of(member) != primary && IsNextIncarnation(there.Pid) && Adopt(there.Pid, $"by domain {primary.Domain}"):
                    supervisor.Log.Followed(_name, there.Pid, primary.Domain, _incarnation);
                    return RecoveryPhase.Replaying;
                case ProcessState.Exited:
                    supervisor.Registry.MarkExited(member);
                    member.Recovering = false;
                    supervisor.Report(member);
                    Why = $"it has left its primary domain, {primary.Domain}";
                    return RecoveryPhase.Down;
                case ProcessState.Live or ProcessState.Exiting or ProcessState.Recovering when waited < s_primaryPatience:
                    break;
                case ProcessState.Live or ProcessState.Exiting or ProcessState.Recovering:
                    return Down($"its primary domain, {primary.Domain}, has not brought it back in {waited.TotalSeconds:F0} s");
                default:
                    return Down($"its primary domain, {primary.Domain}, does not bring it back");
            }
            if (Clock.Steady - looked > Clock.Second)
            {
                looked = Clock.Steady;
                primary.SeeToMaster();
            }
            supervisor.Stopping.WaitHandle.WaitOne(waited > s_liveSoon ? 100 : 2);
            supervisor.Stopping.ThrowIfCancellationRequested();
        }
    }

    private bool IsNextIncarnation(int pid) =>
        supervisor.Registry.StartTime(pid) is not null
        && (pid != member.Entry.Record.Pid || !supervisor.Registry.IsAlive(member));

    private void BecomeLive()
    {
        var caughtUp = member.LiveAt - diedAt;
        supervisor.Registry.Update(member, r => (r.CaughtUp, r.Restarting) = (caughtUp, false));
        member.Recovering = false;
        Phase = RecoveryPhase.Live;
        supervisor.Log.LiveAgain(_name, Silence.Of(member, caughtUp) / 1e6, caughtUp / 1e6);
        supervisor.ReportRecovered(member);
    }
}
