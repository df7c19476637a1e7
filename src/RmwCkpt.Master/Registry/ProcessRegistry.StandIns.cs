using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Registry;

/// <summary>Processes that stand in, towards their launchers, for those that the master has brought back.</summary>
internal sealed partial class ProcessRegistry
{
    /// <summary>A process stands in for this one; its pidfd is the handler's.</summary>
    public event Action<Member, int>? Kept;

    /// <summary>Its program is started again, and this file of it was built or edited since: nobody wants this one.</summary>
    public event Action<Member, string>? Superseded;

    /// <summary>Whether a process stands in for this one.</summary>
    public bool HasKeeper(Member member) =>
        member.Entry.Record.Keeper is { } keeper && IsAlive(keeper);

    /// <summary>How a process is of which another one is the stand-in.</summary>
    public KeptProcess Describe(KeptQuery query)
    {
        lock (_gate)
        {
            if (!_members.TryGetValue(query.Process, out var member))
            {
                return new KeptProcess { State = (uint)ProcessState.Free };
            }
            var record = member.Entry.Record;
            var kept = new KeptProcess
            {
                Name = member.ToString(),
                Slot = record.Slot,
                State = record.State,
                Pid = record.Pid,
                StartTime = record.StartTime,
                Note = record.Note,
                Killed = record.Killed != 0,
            };
            if (member.EndedIncarnation == record.Incarnation && member.HowItEnded.Status is { } status)
            {
                kept.Status = status;
            }
            return kept;
        }
    }

    /// <summary>A pidfd of a process above others, if that one lives, or -1.</summary>
    public int OpenPidfd(Ancestor process)
    {
        // In this order: what the descriptor stands for is then known to be it.
        var pidfd = _probe.OpenPidfd((int)process.Pid);
        if (pidfd >= 0 && !IsAlive(process))
        {
            Posix.Close(pidfd);
            return -1;
        }
        return pidfd;
    }

    public bool IsAlive(Ancestor process) =>
        _probe.StartTime((int)process.Pid) is { } start && ProcessProbe.IsSameStart(start, process.StartTime);

    /// <summary>Whom a process that joins is to stand in for, if it was started in place of one that the master brings back.</summary>
    /// <param name="patient">What is not decided yet may be asked for again.</param>
    private (Newcomer What, Member? Former) Judge(ProcessFacts newcomer, bool patient)
    {
        var command = LaunchIdentity.Of(newcomer);
        var what = Newcomer.Node;
        // Who may do more or less than it did is another.
        foreach (var member in _members.Values.Where(m => (m.Entry.IsVisible || IsKilled(m)) && m.Entry.Record.Launch == command
            && Equals(m.Entry.Record.Rights, newcomer.Rights)))
        {
            // Where another domain is its primary one, it is decided there.
            if (member.Slot.AcquireUInt64(ProcessTable.PrimaryProcess) != 0)
            {
                continue;
            }
            var record = member.Entry.Record;
            var isAlive = IsAlive(member);
            var judged = StandIns.Judge(new StandIns.Former(
                IsSameCommand: true,
                HasKeeper(member),
                HasEndedUndecided: patient && member.SlotState != ProcessState.Exited && !isAlive,
                IsComingBack: member.Entry.State == ProcessState.Recovering || (member.Recovering && (isAlive || !patient)),
                WasBroughtBack: record.Incarnation > 1,
                LaunchIdentity.IsSameLauncher(record.Ancestors, newcomer.Ancestors, IsAlive),
                IsKilled(member),
                LaunchIdentity.IsRespawn(record.Ancestors, newcomer)));
            if (judged == Newcomer.StandIn && !record.ToldToEnd)
            {
                if (ProgramFiles.Changed(record) is not { } changed)
                {
                    return (judged, member);
                }
                Superseded?.Invoke(member, changed);
            }
            // Who has been told to end does so.
            judged = judged == Newcomer.StandIn ? patient ? Newcomer.AskAgain : Newcomer.Node : judged;
            what = judged == Newcomer.AskAgain ? judged : what;
        }
        return (what, null);
    }

    private static bool IsKilled(Member member) => member.Entry is { State: ProcessState.Failed, Record.Killed: not 0 };

    private void BeKept(Member member, ProcessFacts by) =>
        Update(member, r =>
        {
            r.Keeper = new Ancestor { Pid = (uint)by.Pid, StartTime = by.StartTime };
            // Whoever starts its keeper is its launcher from now on.
            r.Ancestors.Clear();
            r.Ancestors.AddRange(by.Ancestors);
        });
}
