using RmwCkpt.Domain;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Hosting;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Master.Streams;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Recovery;

/// <summary>
/// How the next incarnation begins: from an image, by its command with a replay from the journal's beginning, or anew.
/// </summary>
internal sealed partial class Recovery
{
    /// <summary>How long after its death a process may still come to be known to the next master, ns.</summary>
    private const long HelloPatience = 500 * Clock.Millisecond;

    private static readonly TimeSpan s_barredPause = TimeSpan.FromMilliseconds(100);
    private bool _saidBarred;

    /// <summary>
    /// Where others could change what the run folder's path leads to no incarnation begins: CRIU opens by that path, and a command
    /// would refuse it and end, for good. Waits a moment then. The master ends over this (<see cref="FolderWatch"/>), and the
    /// next one, in the folder that was put back, finds on record that it is to come back.
    /// </summary>
    private bool IsBarred()
    {
        if (supervisor.WhyBarred is not { } why)
        {
            return false;
        }
        if (!_saidBarred)
        {
            _saidBarred = true;
            supervisor.Log.Barred(_name, why);
        }
        supervisor.Stopping.WaitHandle.WaitOne(s_barredPause);
        supervisor.Stopping.ThrowIfCancellationRequested();
        return true;
    }

    private RecoveryPhase Restore()
    {
        if (supervisor.WhyLost is { } whyLost)
        {
            _whyNoImage = whyLost;
            return RecoveryPhase.StartAgain;
        }
        _whyNoImage = "it has no snapshot yet";
        foreach (var snapshot in supervisor.Store.Usable(
            member.Id, x => _whyNoImage = _passedOver = $"snapshot {x.Number} is not usable: {x.Why}"))
        {
            if (snapshot.Manifest!.JournalPosition < member.Slot.AcquireInt64(ProcessTable.JournalFirst))
            {
                _whyNoImage = $"snapshot {snapshot.Number} is older than what its journal keeps (RMW_CKPT_RETENTION)";
                continue;
            }
            var begun = Clock.Steady;
            var result = snapshot.Manifest!.Engine == Engine.Name
                ? RestoreFrom(snapshot)
                : RestoreResult.Failed($"it is engine {snapshot.Manifest.Engine}'s");
            if (result.Done && Adopt(result.Pid, $"from snapshot {snapshot.Number} by {Engine.Name}"))
            {
                member.StartedAgain = 0;
                ProcessAttributes.SetAffinities(result.Pid, snapshot.Manifest.Affinities);
                if (member.Entry.Record.Attributes is { } attributes && ProcessAttributes.JoinGroups(result.Pid, attributes) is { } lost)
                {
                    supervisor.AttributeLost(member, lost);
                }
                if (_passedOver.Length > 0)
                {
                    supervisor.Registry.Update(member, r => r.Note = $"restored from snapshot {snapshot.Number}: {_passedOver}");
                }
                supervisor.Log.Restored(
                    _name, snapshot.Number, Engine.Name, (Clock.Steady - begun) / 1e6, result.Pid, _incarnation);
                return RecoveryPhase.Replaying;
            }
            var why = result.Done ? "the restored process ended at once" : result.Why;
            supervisor.Log.RestoreFailed(_name, snapshot.Number, why);
            _whyNoImage = _passedOver = $"snapshot {snapshot.Number} could not be restored: {why}";
            supervisor.Stopping.ThrowIfCancellationRequested();
        }
        return RecoveryPhase.StartAgain;
    }

    /// <summary>Twice: a process that is killed while it is restored says nothing against the image.</summary>
    private RestoreResult RestoreFrom(StoredSnapshot snapshot)
    {
        // An older one may be of an incarnation with another process id.
        var pid = snapshot.Manifest!.Pid;
        if (Engine.KeepsIds)
        {
            // On record first: should this master be killed, the next must know whom to look for.
            supervisor.Registry.Update(member, r => (r.Pid, r.StartTime) = ((uint)pid, 0));
        }
        var result = RestoreResult.Failed("");
        for (var attempt = 0; attempt < 2 && result is { Done: false, Again: true }; attempt++)
        {
            result = !Engine.KeepsIds || IsFree(pid, attempt == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(1))
                ? Engine.Restore(Order(snapshot.Folder) with { Pid = pid })
                : RestoreResult.Failed(WhyTaken(pid));
            if (!result.Done)
            {
                OpenClaim();
            }
        }
        return result;
    }

    /// <summary>
    /// Whether the next master brings it back, in the folder that was made in place of the removed one. That one may have
    /// looked at it when it still lived, and not have noted it yet: a moment after the death it has.
    /// </summary>
    private bool AwaitAnotherMaster()
    {
        while (true)
        {
            var isLate = Clock.Steady - diedAt > HelloPatience;
            supervisor.Later.Look();
            if (supervisor.IsOfAnotherMaster(member))
            {
                return true;
            }
            if (isLate)
            {
                return false;
            }
            supervisor.Stopping.WaitHandle.WaitOne(10);
            supervisor.Stopping.ThrowIfCancellationRequested();
        }
    }

    private RecoveryPhase StartAgain()
    {
        if (supervisor.WhyLost is not null && AwaitAnotherMaster())
        {
            member.Recovering = false;
            Why = "another master looks after it";
            return RecoveryPhase.Overtaken;
        }
        if (member.WhyNotStartedAgain is { } whyNot)
        {
            return Down($"{_whyNoImage}, and its command cannot be started again: {whyNot}");
        }
        var whyFresh = supervisor.WhyLost
            ?? (member.Slot.AcquireInt64(ProcessTable.JournalFirst) > 0
                ? $"{_whyNoImage}, and its journal no longer goes back to its beginning"
                : ProgramFiles.Changed(member.Entry.Record) is { } changed
                ? $"{_whyNoImage}, and {changed} has changed since it joined: it is not what its journal is of" : null);
        if (whyFresh is not null)
        {
            return StartFresh(whyFresh);
        }
        if (TakeClaim() is > 0 and var late && Adopt(late, $"from its snapshot by {Engine.Name}"))
        {
            return RecoveryPhase.Replaying;
        }
        var result = supervisor.Fallback.Restore(Order(null));
        member.StartedAgain = _incarnation;
        if (!result.Done)
        {
            return Down($"{_whyNoImage}; starting its command again failed too: {result.Why}");
        }
        if (!Adopt(result.Pid, "by a replay from its beginning"))
        {
            return Down($"{_whyNoImage}; its command, started again, ended at once");
        }
        supervisor.Log.StartedAgain(_name, result.Pid, _incarnation, _whyNoImage);
        return RecoveryPhase.Replaying;
    }

    /// <summary>Nothing that it knew can be had again: better without, as another process of the domain, than not at all.</summary>
    private RecoveryPhase StartFresh(string why)
    {
        if (TakeClaim() is > 0 and var late && Adopt(late, $"from its snapshot by {Engine.Name}"))
        {
            return RecoveryPhase.Replaying;
        }
        var result = supervisor.Fallback.Restore(Order(null) with { IsFresh = true });
        if (!result.Done)
        {
            return Down($"{why}; starting its command anew failed too: {result.Why}");
        }
        supervisor.StartedFresh(result.Pid, $"started anew, without what it knew when it died: {why}");
        Settle($"{why}: started anew, without what it knew, as process {result.Pid}");
        supervisor.Log.StartedAnew(_name, result.Pid, why);
        supervisor.Report(member);
        return RecoveryPhase.Fresh;
    }

    private RestoreOrder Order(TrustedPath? snapshotFolder) => new(member.Entry.Record, snapshotFolder, member.Stdio)
    {
        Domain = supervisor.Folder.Domain,
        RunFolder = supervisor.Folder.Folder.Root,
        Page = supervisor.Folder.SnapshotPage(member.Id),
        Claimant = Claimant,
        LockFile = supervisor.LockFile(member),
        OutputFile = Output,
        LostAttribute = what => supervisor.AttributeLost(member, what),
        Lost = (fd, target) => supervisor.Log.StdioLost(_name, fd, target, Output(fd).FullName),
    };

    private TrustedPath Output(int number) => StandardOutputs.File(supervisor.Folder, member.Entry.Record, number);

    /// <summary>The new process is this member's from now on. False: it has ended already.</summary>
    /// <param name="how">It was brought back.</param>
    private bool Adopt(int pid, string how)
    {
        var pidfd = supervisor.Registry.OpenPidfd(pid);
        var start = supervisor.Registry.StartTime(pid);
        if (pidfd < 0 || start is null)
        {
            if (pidfd >= 0)
            {
                Posix.Close(pidfd);
            }
            Posix.Reap(pid, out _);
            return false;
        }
        supervisor.Registry.Update(member, r =>
            (r.Pid, r.StartTime, r.State, r.Recoveries, r.CameBack) =
                ((uint)pid, start.Value, (uint)ProcessState.Live, r.Recoveries + 1, how));
        member.Slot.Release(ProcessTable.Pid, (uint)pid);
        member.Slot.Release(ProcessTable.Freezing, 0u);
        member.SlotState = ProcessState.Live;
        supervisor.Registry.Ring(member);
        supervisor.Streams.Follow(member);
        supervisor.Watch.Add(member.Id, pidfd);
        return true;
    }
}
