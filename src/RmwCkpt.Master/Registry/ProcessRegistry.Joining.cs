using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Server;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Registry;

/// <summary>How processes join.</summary>
internal sealed partial class ProcessRegistry
{
    /// <summary>A process joins, or is told for whom it is to stand in.</summary>
    /// <param name="patient">It asks again where it is not known yet what it is.</param>
    /// <returns>Null: it is to ask again.</returns>
    public Welcome? Hello(int pid, Hello hello, bool patient)
    {
        if (Versions.WhyNot(hello) is { } why)
        {
            throw new RequestException(why);
        }
        if (hello.Resume != 0)
        {
            return Resume(pid, hello.Resume);
        }
        if (hello.Process != 0)
        {
            return HelloAgain(pid, hello);
        }
        if (hello.PrimaryProcess != 0 && PreviousIncarnation(pid, hello) is { } previous)
        {
            return Resume(pid, previous);
        }
        var rules = PolicyFile.Parse(hello.PolicyFile, hello.PolicyText);
        // The pidfd first: from here on the pid cannot become another's unseen.
        var pidfd = _probe.OpenPidfd(pid);
        if (pidfd < 0)
        {
            throw new RequestException(Posix.LastError == Posix.Emfile
                ? $"the master is out of descriptors, of which it needs four for each process: {Posix.DescriptorRemedy}"
                : $"process {pid} has ended");
        }
        var facts = _probe.Read(pid);
        if (facts is null)
        {
            Posix.Close(pidfd);
            throw new RequestException(
                $"process {pid} is not to be seen in the master's /proc: it has ended, or /proc is another pid namespace's or is "
                + "mounted with hidepid");
        }
        var stdio = HeldStdio.Hold(pid, pidfd);
        Member member;
        Member? replaced;
        lock (_gate)
        {
            // Said again, after a lost answer: the same welcome. With endpoints it is another program (exec) or session.
            var before = _members.Values.FirstOrDefault(m => m.Entry.State == ProcessState.Live
                && m.Entry.Record.Pid == pid && m.Entry.Record.StartTime == facts.StartTime);
            if (before is { Entry.Entities.Count: 0 } && before.SlotState == ProcessState.Live)
            {
                Posix.Close(pidfd);
                stdio.Dispose();
                return ToWelcome(before);
            }
            var (what, dead) = before is null && hello.PrimaryProcess == 0 ? Judge(facts, patient) : (Newcomer.Node, null);
            if (what != Newcomer.Node)
            {
                stdio.Dispose();
                if (dead is null)
                {
                    Posix.Close(pidfd);
                    return null;
                }
                BeKept(dead, facts);
                Kept?.Invoke(dead, pidfd);
                var welcome = ToWelcome(dead);
                welcome.StandInOf = dead.Id;
                return welcome;
            }
            member = Admit(facts, stdio, hello, rules);
            replaced = before;
        }
        if (replaced is not null)
        {
            // It has become another program without saying that it left.
            MarkExited(replaced);
            Leaving?.Invoke(replaced);
        }
        if (member.WhyNotBroughtBack is { } whyNot)
        {
            _log.NotBroughtBack(member.ToString(), facts.Pid, whyNot);
        }
        _log.Joined(member.ToString(), member.Entry.Record.Pid, member.SlotIndex, string.Join(' ', facts.Command));
        Joined?.Invoke(member, pidfd);
        return ToWelcome(member);
    }

    private Member Admit(ProcessFacts facts, HeldStdio stdio, Hello hello, IReadOnlyList<PolicyRule> rules)
    {
        var slot = FreeSlot();
        if (slot == 0)
        {
            stdio.Dispose();
            throw new RequestException($"the domain is full: {ProcessTable.Slots - 1} processes are possible");
        }
        _lastId = Math.Max(_lastId + 1, (ulong)Clock.Real);
        var member = AddMember(facts, _lastId, slot, 1, hello, rules);
        member.Stdio = stdio;
        member.JoinedAt = Clock.Steady;
        member.Slot.Clear(0, ProcessTable.SlotSize);
        member.Slot.Write(ProcessTable.LastTake, -1L);
        FillSlot(member, hello);
        return member;
    }

    /// <summary>
    /// Where processes had slots of a table that was removed, and may want the same, which were the first: any.
    /// </summary>
    private uint FreeSlot()
    {
        var first = _hadStrangers ? Random.Shared.Next(1, ProcessTable.Slots) : 1;
        var slot = Array.FindIndex(_slots, first, x => x == 0);
        return (uint)Math.Max(0, slot >= 0 ? slot : Array.FindIndex(_slots, 1, x => x == 0));
    }

    /// <param name="hello">What it says of itself; null: it was found.</param>
    private Member AddMember(ProcessFacts facts, ulong id, uint slot, uint incarnation, Hello? hello, IReadOnlyList<PolicyRule> rules)
    {
        var record = new Process
        {
            Process_ = id,
            Slot = slot,
            Pid = (uint)facts.Pid,
            StartTime = facts.StartTime,
            PidNamespace = _probe.PidNamespace,
            Incarnation = incarnation,
            Executable = facts.Executable,
            WorkingFolder = facts.Folder,
            Folder = _folder.Process(id).FullName,
            DeathPosition = -1,
            State = (uint)ProcessState.Live,
            Policy = hello?.Policy,
            Rights = facts.Rights,
            Launcher = (uint)facts.Launcher.Pid,
            LauncherStart = facts.Launcher.StartTime,
        };
        record.Complaints.AddRange(hello?.Complaints ?? []);
        record.Rules.AddRange(rules);
        foreach (var (path, content) in ProgramFiles.Of(facts))
        {
            record.Program.Add(path, content);
        }
        record.Launch = LaunchIdentity.Of(facts);
        record.Ancestors.AddRange(facts.Ancestors);
        record.Command.AddRange(facts.Command);
        record.Environment.AddRange(facts.Environment);
        record.Stdio.AddRange(facts.Stdio);
        record.Attributes = facts.Attributes;
        Apply(new RegistryRecord { Process = record });
        return AddMember(id, wasFound: hello is null);
    }

    private static void FillSlot(Member member, Hello hello)
    {
        var record = member.Entry.Record;
        member.Slot.Write(ProcessTable.Incarnation, record.Incarnation);
        member.Slot.Write(ProcessTable.ProcessId, record.Process_);
        member.Slot.Write(ProcessTable.Pid, record.Pid);
        member.Slot.Write(ProcessTable.PrimaryDomain, hello.PrimaryDomain);
        member.Slot.Write(ProcessTable.PrimarySlot, hello.PrimarySlot);
        member.Slot.Write(ProcessTable.PrimaryProcess, hello.PrimaryProcess);
        member.SlotState = ProcessState.Live;
    }

    /// <summary>A process that was started again in its primary domain: what it was here, or null.</summary>
    private ulong? PreviousIncarnation(int pid, Hello hello)
    {
        lock (_gate)
        {
            return _members.Values.FirstOrDefault(m => m.Entry.IsVisible
                && m.Slot.AcquireUInt64(ProcessTable.PrimaryProcess) == hello.PrimaryProcess
                && m.Slot.ReadUInt32(ProcessTable.PrimaryDomain) == hello.PrimaryDomain
                && (m.Entry.Record.Pid != pid || m.Entry.Record.Incarnation > 1 || !IsAlive(m)))?.Id;
        }
    }

    private Welcome Resume(int pid, ulong process)
    {
        lock (_gate)
        {
            if (!_members.TryGetValue(process, out var member) || member.Entry.Record.Pid != pid || !member.Entry.IsVisible)
            {
                throw new RequestException(
                    $"process {pid} is not the next incarnation of process {process:x16}: the master starts those itself");
            }
            member.Resumed = member.Entry.Record.Incarnation;
            member.IsUnheard = false;
            return ToWelcome(member, resumed: true);
        }
    }

    private static Welcome ToWelcome(Member member, bool resumed = false) => new()
    {
        Protocol = Versions.Protocol,
        Version = Versions.Release,
        Resumed = resumed,
        Slot = member.SlotIndex,
        Process = member.Id,
        Incarnation = member.Entry.Record.Incarnation,
    };
}
