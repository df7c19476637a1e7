using Microsoft.Extensions.Logging;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Server;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Registry;

/// <summary>
/// The registry as a whole: state, journal, graph and process table, changed together under one lock and in one order:
/// check, journal, state, graph, wake. Thread-safe.
/// </summary>
internal sealed partial class ProcessRegistry : IDisposable
{
    private readonly object _gate = new();
    private readonly RunFolder _folder;
    private readonly IProcessProbe _probe;
    private readonly ILogger _log;
    private readonly RegistryState _state;
    private readonly RegistryJournal _journal;
    private readonly GraphWriter _graph;
    private readonly ProcessTable _table;
    private readonly Dictionary<ulong, Member> _members = [];
    private readonly ulong[] _slots = new ulong[ProcessTable.Slots];
    private readonly Notifier _notifier;
    private readonly object _worksGate = new();
    private ulong _lastId;
    private uint _works;
    private bool _isOver;

    private ProcessRegistry(
        RunFolder folder, IProcessProbe probe, ILogger log, RegistryState state, RegistryJournal journal, GraphWriter graph,
        ProcessTable table)
    {
        (_folder, _probe, _log, _state, _journal, _graph, _table) = (folder, probe, log, state, journal, graph, table);
        _notifier = new Notifier("notify", NotifyAll);
    }

    /// <summary>A process has joined; its pidfd is the handler's.</summary>
    public event Action<Member, int>? Joined;

    /// <summary>A process has registered nodes or endpoints.</summary>
    public event Action<Member>? Registered;

    /// <summary>Endpoints that have logs were destroyed.</summary>
    public event Action<IEnumerable<Gid>>? Destroyed;

    /// <summary>A process says that it is ending by itself.</summary>
    public event Action<Member>? Leaving;

    public ulong GraphVersion => _graph.Version;

    public ProcessTable Table => _table;

    public IReadOnlyList<Member> Members
    {
        get
        {
            lock (_gate)
            {
                return [.. _members.Values];
            }
        }
    }

    /// <summary>What the processes that are here, or are to come back, ask for.</summary>
    public IReadOnlyCollection<Policy> Policies => [.. Members.Where(m => m.Entry.IsVisible).Select(m => m.Policy)];

    public Member? Find(ulong process)
    {
        lock (_gate)
        {
            return _members.GetValueOrDefault(process);
        }
    }

    /// <summary>Whether a process of this number lives or comes back: whoever looks after it wants to know how it ends.</summary>
    public bool IsExpected(int pid) => Look(() => _members.Values.Any(m => m.Entry.Record.Pid == pid && m.Entry.IsVisible));

    /// <summary>Reads the entries while nobody changes them.</summary>
    public T Look<T>(Func<T> look)
    {
        lock (_gate)
        {
            return look();
        }
    }

    /// <param name="isNews">Whether who follows registrations is told of this one.</param>
    public void Register(int pid, Register request, bool isNews = true)
    {
        Member member;
        lock (_gate)
        {
            member = Owned(pid, request.Process);
            var added = _state.CheckRegister(request);
            if (added.Entities.Count > _graph.Room)
            {
                throw new RequestException($"the graph is full: {GraphTable.Capacity} nodes and endpoints are possible in a domain");
            }
            if (added.Entities.Count > 0)
            {
                _graph.Reserve(added.Entities.Count);
                Apply(new RegistryRecord { Added = added });
                foreach (var entity in added.Entities)
                {
                    _graph.Add(member.Id, member.SlotIndex, entity);
                }
                Publish();
                member.ChoosePolicy();
                LogGraph(member, added.Entities.Count, 0);
            }
        }
        if (isNews)
        {
            Registered?.Invoke(member);
        }
    }

    public void Unregister(int pid, Unregister request)
    {
        List<Gid> logs;
        lock (_gate)
        {
            var member = Owned(pid, request.Process);
            var removed = _state.CheckUnregister(request);
            logs = [.. removed.Entities.Select(x => member.Entry.Entities[x])
                .Where(x => (EntityKind)x.Kind is EntityKind.Publisher or EntityKind.Service or EntityKind.Client)
                .Select(x => Gid.Read(x.Gid.Span))];
            if (removed.Entities.Count > 0)
            {
                Apply(new RegistryRecord { Removed = removed });
                foreach (var entity in removed.Entities)
                {
                    _graph.Remove(member.Id, entity);
                }
                Publish();
                member.ChoosePolicy();
                LogGraph(member, 0, removed.Entities.Count);
            }
        }
        Destroyed?.Invoke(logs);
    }

    public void Leave(int pid, Leave request)
    {
        Member? member;
        lock (_gate)
        {
            if (!_members.TryGetValue(request.Process, out member) || member.Entry.State == ProcessState.Exited)
            {
                return;
            }
            Owned(pid, request.Process);
        }
        MarkExited(member);
        Leaving?.Invoke(member);
    }

    /// <summary>Changes a process' record: journalled, and the graph follows its state.</summary>
    public void Update(Member member, Action<Process> change)
    {
        lock (_gate)
        {
            var record = member.Entry.Record.Clone();
            change(record);
            var visible = member.Entry.IsVisible;
            if (!visible && (ProcessState)record.State is ProcessState.Live or ProcessState.Recovering)
            {
                _graph.Reserve(member.Entry.Entities.Count);
            }
            Apply(new RegistryRecord { Process = record });
            if (visible != member.Entry.IsVisible)
            {
                foreach (var entity in member.Entry.Entities.Values)
                {
                    if (visible)
                    {
                        _graph.Remove(member.Id, entity.Entity_);
                    }
                    else
                    {
                        _graph.Add(member.Id, member.SlotIndex, entity);
                    }
                }
                Publish();
            }
        }
    }

    /// <summary>It ends or has ended by itself: its rows go, its descriptors are closed. The slot stays until it is swept.</summary>
    public void MarkExited(Member member)
    {
        if (Look(() => member.Entry.State == ProcessState.Exited))
        {
            return;
        }
        Update(member, r => (r.State, r.Note, r.Ended, r.Killed, r.Restarting) = ((uint)ProcessState.Exited, "", Clock.Real, 0, false));
        member.SlotState = ProcessState.Exited;
        member.Stdio.Dispose();
        _log.Exited(member.ToString());
    }

    /// <summary>Nothing of it is left: its slot may be another's.</summary>
    public void Forget(Member member)
    {
        lock (_gate)
        {
            if (!_members.Remove(member.Id))
            {
                return;
            }
            var entities = member.Entry.IsVisible ? member.Entry.Entities.Keys.ToList() : [];
            Apply(new RegistryRecord { Gone = member.Id });
            entities.ForEach(x => _graph.Remove(member.Id, x));
            member.SlotState = ProcessState.Free;
            _slots[member.SlotIndex] = 0;
            Publish();
        }
        member.Stdio.Dispose();
    }

    /// <summary>A snapshot or recovery begins, which may take time from anyone: readers that fall behind are not slow.</summary>
    public void BeginWork()
    {
        lock (_worksGate)
        {
            if (!_isOver)
            {
                _table.Domain.Release(ProcessTable.Freezing, ++_works);
            }
        }
    }

    public void EndWork()
    {
        lock (_worksGate)
        {
            if (_isOver)
            {
                // A recovery that the master has not waited for any longer.
                return;
            }
            // In this order: who sees no work sees that there was one.
            _table.Domain.Release(ProcessTable.FreezeEnd, Clock.Steady);
            _table.Domain.Increment(ProcessTable.Freezes);
            _table.Domain.Release(ProcessTable.Freezing, --_works);
        }
    }

    /// <summary>Wakes a process whose slot has changed.</summary>
    public void Ring(Member member)
    {
        _table.Ring(member.SlotIndex);
        // Ring wakes only when the slot says that a thread sleeps, and a process just restored has not said so in this incarnation.
        Futex.WakeAll(member.Slot, ProcessTable.Bell);
        _table.Notify(member.SlotIndex);
    }

    public void Dispose()
    {
        _notifier.Dispose();
        lock (_worksGate)
        {
            _isOver = true;
        }
        lock (_gate)
        {
            foreach (var member in _members.Values)
            {
                member.Stdio.Dispose();
            }
            _journal.Dispose();
            _graph.Dispose();
            _table.Dispose();
        }
    }

    private Member Owned(int pid, ulong process)
    {
        if (!_members.TryGetValue(process, out var member))
        {
            throw RequestException.NotKnown(process);
        }
        if (member.Entry.Record.Pid != pid)
        {
            throw new RequestException($"process {process:x16} is pid {member.Entry.Record.Pid}, and this request came from pid {pid}");
        }
        if (member.Entry.State is ProcessState.Exited or ProcessState.Failed)
        {
            throw new RequestException($"process {process:x16} has left the domain");
        }
        return member;
    }

    private Member AddMember(ulong process, bool wasFound = false)
    {
        _state.TryGet(process, out var entry);
        var member = new Member(entry!, _table.Slot(entry!.Record.Slot)) { WasFound = wasFound, IsUnheard = wasFound };
        _members.Add(process, member);
        _slots[entry.Record.Slot] = process;
        return member;
    }

    /// <summary>Changes the state, and the journal if that can be written: what is known here does not wait for space there.</summary>
    private void Apply(RegistryRecord record)
    {
        var before = _journal.WhyBehind;
        _journal.Append(record);
        _state.Apply(record);
        if (_journal.WantsCompaction)
        {
            Compact();
        }
        if (before is null && _journal.WhyBehind is { } why)
        {
            _log.JournalBehind(why);
        }
    }

    /// <summary>Why the journal lacks what happened last, or null.</summary>
    public string? WhyBehind => Look(() => _journal.WhyBehind);

    /// <summary>The run folder was removed: what happens from here on is nobody's to read.</summary>
    public void AbandonJournal()
    {
        lock (_gate)
        {
            _journal.Abandon();
        }
    }

    /// <summary>Writes a journal that is behind anew, if there is room again.</summary>
    public void MendJournal()
    {
        lock (_gate)
        {
            if (_journal.WhyBehind is not null)
            {
                Compact();
                if (_journal.WhyBehind is null)
                {
                    _log.JournalMended();
                }
            }
        }
    }

    /// <summary>A name takes a look at all that the process has: not for nothing.</summary>
    private void LogGraph(Member member, int added, int removed)
    {
        if (_log.IsEnabled(LogLevel.Debug))
        {
            _log.GraphChanged(member.ToString(), added, removed, _graph.Version);
        }
    }

    private void Publish()
    {
        if (_graph.Publish())
        {
            _notifier.Signal();
        }
    }

    private void NotifyAll()
    {
        List<uint> slots;
        lock (_gate)
        {
            slots = [.. _members.Values.Where(m => m.Entry.State == ProcessState.Live).Select(m => m.SlotIndex)];
        }
        slots.ForEach(_table.Notify);
    }
}
