using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Server;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Registry;

/// <summary>
/// Who lives is the kernel's word: a process that runs and has the table mapped is of this domain, whatever the journal says
/// that a new master has found. Such a one is a member until it ends; what it is it says itself, when it says hello again.
/// </summary>
internal sealed partial class ProcessRegistry
{
    /// <summary>Those that have the table mapped, or an older one, and are in none of its slots: they may say who they are.</summary>
    private List<(int Pid, ulong Start)> _strangers = [];
    private bool _hadStrangers;
    private bool _isNewTable;

    /// <summary>There are slots of processes in another pid namespace, of which nobody here can see whether they live.</summary>
    private bool _hasUnseen;

    /// <summary>A process has come from a run folder that was removed: its snapshots are of that.</summary>
    public event Action<Member>? Returned;

    /// <summary>
    /// Whether there are processes that have not said yet what of the domain is theirs: nothing that nobody here knows may
    /// be removed, for it may be theirs.
    /// </summary>
    public bool HasStrangers => _hasUnseen || IsExpecting;

    /// <summary>Whether some of these will say it soon: until then no slot is free for sure.</summary>
    public bool IsExpecting => Look(() =>
    {
        _strangers.RemoveAll(x => StartTime(x.Pid) != x.Start || _members.Values.Any(m => m.Entry.Record.Pid == x.Pid));
        return _strangers.Count > 0;
    });

    /// <summary>Whether it is in another pid namespace: it can be neither watched nor brought back, and is left alone.</summary>
    public bool IsForeign(Member member) =>
        member.Entry.Record.PidNamespace is not 0 and var space && _probe.PidNamespace is not 0 and var own && space != own;

    /// <summary>Whether a process has this domain's table mapped.</summary>
    public bool IsOurs(int pid) => _probe.Maps(pid, _table.Domain.Address) == true;

    /// <summary>Has all processes say hello again, to this master, which answers by now.</summary>
    public void AskWhoLives()
    {
        _table.Domain.Increment(ProcessTable.Masters);
        for (var slot = 1u; slot < ProcessTable.Slots; slot++)
        {
            if (_strangers.Count > 0 || _table.Slot(slot).AcquireUInt32(ProcessTable.State) != 0)
            {
                _table.Notify(slot);
            }
        }
    }

    /// <summary>The process whose number a slot has, if it is one of this domain, and lives.</summary>
    private ProcessFacts? LivingIn(Region slot)
    {
        var pid = (int)slot.ReadUInt32(ProcessTable.Pid);
        return pid > 0 && _probe.StartTime(pid) is { } start && _probe.Maps(pid, _table.Domain.Address) != false
            ? _probe.Read(pid) ?? new ProcessFacts { Pid = pid, StartTime = start }
            : null;
    }

    private bool IsSlotOfAnother(Process record)
    {
        var slot = _table.Slot(record.Slot);
        return slot.ReadUInt64(ProcessTable.ProcessId) is not 0 and var there && there != record.Process_
            && slot.ReadUInt32(ProcessTable.Pid) != record.Pid && LivingIn(slot) is not null;
    }

    private void AdoptLiving(bool isNewTable, bool isJournalWhole)
    {
        _isNewTable = isNewTable;
        var before = _table.Domain.ReadUInt64(ProcessTable.PidNamespace);
        var isForeign = before != 0 && _probe.PidNamespace != 0 && before != _probe.PidNamespace;
        _table.Domain.Write(ProcessTable.PidNamespace, _probe.PidNamespace);
        var rows = new Lazy<ILookup<ulong, Entity>>(() => _graph.Rows().ToLookup(x => x.Process, x => x.Entity));
        var adopted = 0;
        for (var index = 1u; index < ProcessTable.Slots; index++)
        {
            var slot = _table.Slot(index);
            var id = slot.ReadUInt64(ProcessTable.ProcessId);
            if (_slots[index] != 0 || id == 0 || slot.ReadUInt32(ProcessTable.State) == 0 || _members.ContainsKey(id))
            {
                continue;
            }
            if (isForeign)
            {
                (_slots[index], _hasUnseen) = (id, true);
            }
            else if (LivingIn(slot) is { } facts)
            {
                adopted++;
                _lastId = Math.Max(_lastId, id);
                var member = AddMember(facts, id, index, Math.Max(1, slot.ReadUInt32(ProcessTable.Incarnation)), null, []);
                TakeRows(member, rows.Value[id]);
                _log.Adopted(member.ToString(), facts.Pid, index);
            }
        }
        if (!isJournalWhole)
        {
            // It may lack the end of what it says of those that it knows.
            foreach (var member in _members.Values.Where(m => m is { IsUnheard: true, WasFound: false }))
            {
                TakeRows(member, rows.Value[member.Id]);
            }
        }
        if (isNewTable || !isJournalWhole || adopted > 0)
        {
            var known = _members.Values.Select(m => (int)m.Entry.Record.Pid).ToHashSet();
            // Who has a table mapped that is new looks on only, for nobody has joined it: he has nothing to say.
            _strangers = [.. _probe.FindMappers(_table.Domain.Address, _folder.Table.FullName)
                .Where(x => !known.Contains(x) && !(isNewTable && IsOurs(x)))
                .Select(x => (x, StartTime(x))).Where(x => x.Item2 is not null).Select(x => (x.x, x.Item2!.Value))];
            _hadStrangers = _strangers.Count > 0;
        }
    }

    /// <summary>What the graph says that a process has; what is damaged there it will say itself.</summary>
    private void TakeRows(Member member, IEnumerable<Entity> rows)
    {
        foreach (var row in rows.OrderBy(x => x.Kind))
        {
            try
            {
                var added = new Register { Process = member.Id, Entities = { row } };
                Apply(new RegistryRecord { Added = _state.CheckRegister(added) });
            }
            catch (RequestException)
            {
            }
        }
    }

    /// <summary>A process that is in the domain already says all that it is: what is known here becomes that.</summary>
    private Welcome HelloAgain(int pid, Hello hello)
    {
        if (_probe.Read(pid) is not { } facts)
        {
            throw new RequestException($"process {pid} cannot be looked at: it has ended, or /proc is not its own");
        }
        var (member, isNew) = Recognise(facts, hello);
        if (isNew)
        {
            var pidfd = OpenPidfd(pid);
            member.Stdio = HeldStdio.Hold(pid, pidfd);
            _log.Rejoined(member.ToString(), pid, member.SlotIndex);
            Joined?.Invoke(member, pidfd);
            if (_isNewTable)
            {
                Returned?.Invoke(member);
            }
        }
        if (hello.Complete)
        {
            var stale = new Unregister { Process = member.Id };
            var said = hello.Entities.ToLookup(x => x.Entity_);
            stale.Entities.AddRange(Look(() => member.Entry.Entities.Values
                .Where(x => said[x.Entity_].All(y => !RegistryState.IsSame(x, y))).Select(x => x.Entity_).ToList()));
            Unregister(pid, stale);
        }
        var known = Look(() => member.Entry.Entities.Count);
        var all = new Register { Process = member.Id };
        all.Entities.AddRange(hello.Entities);
        Register(pid, all, isNews: false);
        if (member.IsUnheard)
        {
            member.IsUnheard = false;
            Update(member, r =>
            {
                r.Policy = hello.Policy;
                r.Complaints.Clear();
                r.Complaints.AddRange(hello.Complaints);
                r.Rules.Clear();
                r.Rules.AddRange(PolicyFile.Parse(hello.PolicyFile, hello.PolicyText));
            });
        }
        if (isNew || Look(() => member.Entry.Entities.Count) != known)
        {
            Registered?.Invoke(member);
        }
        return ToWelcome(member);
    }

    private (Member Member, bool IsNew) Recognise(ProcessFacts facts, Hello hello)
    {
        lock (_gate)
        {
            if (!_members.TryGetValue(hello.Process, out var member))
            {
                return (AdmitAgain(facts, hello), true);
            }
            var record = member.Entry.Record;
            if (record.Pid == facts.Pid && member.Entry.IsVisible)
            {
                return (member, false);
            }
            if (member.Recovering || IsForeign(member) || (IsAlive(member) && record.Pid != facts.Pid) || member.Entry.State == ProcessState.Exited)
            {
                throw new RequestException(
                    $"process {record.Process_:x16}, which process {facts.Pid} says that it is, is pid {record.Pid} and {member.Entry.State}");
            }
            // Taken for dead by a master that could not see it, or that knew a previous incarnation.
            Update(member, r =>
            {
                (r.Pid, r.StartTime, r.Incarnation, r.State, r.Note) = (
                    (uint)facts.Pid, facts.StartTime, Math.Max(r.Incarnation, hello.Incarnation), (uint)ProcessState.Live, "");
                // Its own, for it may not be who it says it is.
                r.Rights = facts.Rights;
            });
            FillSlot(member, hello);
            return (member, true);
        }
    }

    private Member AdmitAgain(ProcessFacts facts, Hello hello)
    {
        if (hello.Slot is 0 or >= ProcessTable.Slots || _slots[hello.Slot] != 0 || hello.Process > (ulong)Clock.Real + (ulong)Clock.Second)
        {
            throw new RequestException(
                $"slot {hello.Slot} of the domain is another process' by now: process {facts.Pid} is no longer part of it, start it again");
        }
        _lastId = Math.Max(_lastId, hello.Process);
        var member = AddMember(
            facts, hello.Process, hello.Slot, Math.Max(1, hello.Incarnation), hello, PolicyFile.Parse(hello.PolicyFile, hello.PolicyText));
        if (member.Slot.ReadUInt64(ProcessTable.ProcessId) != hello.Process)
        {
            member.Slot.Clear(0, ProcessTable.SlotSize);
            member.Slot.Write(ProcessTable.LastTake, -1L);
        }
        FillSlot(member, hello);
        return member;
    }
}
