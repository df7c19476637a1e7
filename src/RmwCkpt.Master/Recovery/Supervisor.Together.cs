using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Registry;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Recovery;

/// <summary>
/// All of the domain at once: killed, and brought back as they were. What was ordered is on record before it is done, so that the
/// next master goes on with it; an order has a number, by which it is the same where its client asks the next master again.
/// </summary>
internal sealed partial class Supervisor
{
    /// <summary>How long who was sent SIGKILL may take to end, be it in the middle of its restore.</summary>
    private static readonly TimeSpan s_killPatience = TimeSpan.FromSeconds(20);

    /// <summary>How long a replay may take.</summary>
    private static readonly TimeSpan s_restartPatience = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan s_lookTogether = TimeSpan.FromMilliseconds(5);

    /// <summary>Held while all are killed: the end of the first is handled when the last has been sent its signal.</summary>
    private readonly object _killing = new();

    /// <summary>Kills all nodes of the domain, by SIGKILL; they stay down until <see cref="Restart"/>, or until others are in their places.</summary>
    public async Task<IReadOnlyList<Outcome>> Kill(long order, Func<string, Task> progress, CancellationToken cancel)
    {
        var outcomes = new List<Outcome>();
        var killed = new List<Member>();
        foreach (var member in Registry.Members.Where(m => m.Entry is { IsHidden: false } entry
            && (entry.IsVisible ? !entry.Record.ToldToEnd : entry.Record.KillOrder == order)))
        {
            if (member.Entry.IsVisible && WhyLeftAlone(member) is { } why)
            {
                // A launcher that is a node is no node that anybody would miss.
                await Say(new Outcome { Name = NameOf(member), Done = member.HasNodes, How = $"is left alone: {why}" }).ConfigureAwait(false);
            }
            else
            {
                killed.Add(member);
            }
        }
        lock (_killing)
        {
            foreach (var member in killed.Where(m => m.Entry.IsVisible))
            {
                Registry.Update(member, r => (r.Killed, r.KillOrder, r.Restarting) = (Clock.Boot, order, false));
            }
            killed.ForEach(m => Registry.Signal(m, Posix.SigKill));
        }
        await UntilDown(killed, cancel).ConfigureAwait(false);
        await Task.WhenAll(killed.Where(m => m.Entry.State == ProcessState.Failed).Select(m =>
            Task.Run(() => new Recovery(this, m, Clock.Steady, forced: false).EndLeft(), cancel))).ConfigureAwait(false);
        foreach (var member in killed)
        {
            await Say(member.Entry.State switch
            {
                ProcessState.Failed => new Outcome { Name = NameOf(member), Done = true, How = "is killed" },
                ProcessState.Exited => new Outcome { Name = NameOf(member), Done = true, How = "has ended by itself" },
                _ => new Outcome
                {
                    Name = NameOf(member),
                    How = $"(pid {member.Entry.Record.Pid}) does not end, though SIGKILL was sent: it waits in the kernel, or nobody may kill it",
                },
            }).ConfigureAwait(false);
        }
        return outcomes;

        Task Say(Outcome outcome)
        {
            outcomes.Add(outcome);
            return progress($"{outcome.Name} {outcome.How}");
        }
    }

    /// <summary>Brings back all that were killed. All are on record first, and in the graph: nobody finds the others gone.</summary>
    public async Task<IReadOnlyList<Outcome>> Restart(long order, Func<string, Task> progress, CancellationToken cancel)
    {
        // Who is just being killed comes back, too.
        await UntilDown([.. Registry.Members.Where(m => m.Entry is { IsVisible: true, Record.Killed: not 0 })], cancel).ConfigureAwait(false);
        var killed = Registry.Members.Where(m => m.Entry is { State: ProcessState.Failed, Record.Killed: not 0 }).ToList();
        foreach (var member in killed)
        {
            NotePause(member);
            Registry.Update(member, r =>
            {
                (r.State, r.Killed, r.RestartOrder, r.Restarting) = ((uint)ProcessState.Recovering, 0, order, true);
                (r.Note, r.CameBack, r.Deaths, r.DeathPosition, r.FailedAgain) = ("", "", 0, -1, 0);
            });
            member.SlotState = ProcessState.Recovering;
            member.Recovering = true;
            if (member.Stdio.Descriptors.Count == 0)
            {
                // Killed under another master.
                member.Stdio = HeldStdio.ByName(member.Entry.Record.Stdio);
            }
        }
        killed.ForEach(m => Begin(m, Clock.Steady, forced: true, done: null));
        var outcomes = new List<Outcome>();
        var left = Registry.Members.Where(m => m.Entry.Record.RestartOrder == order).ToList();
        for (var begun = Clock.Steady; left.Count > 0; await Task.Delay(s_lookTogether, cancel).ConfigureAwait(false))
        {
            var isLate = Clock.Steady - begun > s_restartPatience.Ticks * 100;
            foreach (var member in left.Where(m => isLate || !m.Entry.Record.Restarting).ToList())
            {
                left.Remove(member);
                outcomes.Add(OutcomeOf(member));
                await progress($"{outcomes[^1].Name} {outcomes[^1].How}").ConfigureAwait(false);
            }
        }
        return outcomes;
    }

    /// <summary>The time since it was killed with all others it is not to catch up with, nor with an earlier one that it has not come to yet.</summary>
    private static void NotePause(Member member)
    {
        if (member.Entry.Record.Killed is not 0 and var killed)
        {
            member.Slot.Release(ProcessTable.Paused, member.Slot.AcquireInt64(ProcessTable.Paused) + Clock.Boot - killed);
        }
    }

    private Outcome OutcomeOf(Member member)
    {
        var record = member.Entry.Record;
        var (done, how) = (ProcessState)record.State switch
        {
            _ when record.Killed != 0 => (false, "is killed again"),
            ProcessState.Live when !record.Restarting => (true, $"is live again, {record.CameBack}"),
            ProcessState.Live or ProcessState.Recovering => (false, "is not live yet (rmw_ckpt status)"),
            ProcessState.Exited => (false, "has ended again"),
            _ => (false, $"was not brought back as it was: {record.Note}"),
        };
        return new Outcome { Name = NameOf(member), Done = done, How = how };
    }

    /// <summary>Why a process is not killed; null: it is.</summary>
    private string? WhyLeftAlone(Member member) =>
        Registry.IsForeign(member) ? "it is in another pid namespace, and cannot be seen from here"
        : PrimaryAddress.Of(member) is { } primary && primary.Look().Decides ? $"domain {primary.Domain} is its primary one, as of rmw_ckpt kill --domain {primary.Domain}"
        : member.HasNodes ? "it has started other nodes, and would start them twice if it were brought back"
        : (Choice.HasImages(member.Policy) ? member.WhyNotBroughtBack : member.WhyNotStartedAgain) is { } why ? $"it could not be brought back, for {why}"
        : null;

    private async Task UntilDown(List<Member> members, CancellationToken cancel)
    {
        var told = members.ToDictionary(m => m, m => m.Entry.Record.StartTime);
        for (var begun = Clock.Steady; Clock.Steady - begun < s_killPatience.Ticks * 100; await Task.Delay(s_lookTogether, cancel).ConfigureAwait(false))
        {
            var left = members.Where(m => m.Entry.IsVisible || Registry.IsAlive(m)).ToList();
            if (left.Count == 0)
            {
                return;
            }
            foreach (var member in left)
            {
                if (Registry.IsAlive(member))
                {
                    // An incarnation that was just being restored.
                    if (told[member] != member.Entry.Record.StartTime)
                    {
                        told[member] = member.Entry.Record.StartTime;
                        Registry.Signal(member, Posix.SigKill);
                    }
                }
                else if (!member.Recovering && !Watch.IsWatched(member.Id))
                {
                    // Nobody else will tell of its end.
                    StayKilled(member);
                }
            }
        }
    }

    /// <summary>Its end was ordered with that of all others; true: there is nothing else to do about it.</summary>
    private bool IsKilled(Member member, in EndOf end)
    {
        if (member.Entry.Record.Killed == 0 || (end.Status is not null && end.Signal != Posix.SigKill))
        {
            return false;
        }
        lock (_killing)
        {
            StayKilled(member);
        }
        return true;
    }

    private void StayKilled(Member member)
    {
        new Recovery(this, member, Clock.Steady, forced: false).StayKilled();
        Log.Killed(member.ToString(), member.Entry.Record.Pid);
    }

    /// <summary>Goes on with what was ordered under the master before this one, for a process that lives.</summary>
    private void GoOnTogether(Member member)
    {
        if (member.Entry.Record.Killed != 0)
        {
            Registry.Signal(member, Posix.SigKill);
        }
        else if (member.Entry.Record.Restarting)
        {
            Begin(member, member.Entry.Record.RestartOrder, forced: true, done: null, goesOn: true);
        }
    }

    private string NameOf(Member member) => Registry.Look(member.ToString);
}
