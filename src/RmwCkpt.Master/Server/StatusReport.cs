using System.Globalization;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Recovery;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Master.Streams;
using RmwCkpt.Master.Sweeping;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Server;

/// <summary>Says how things are.</summary>
internal sealed class StatusReport(
    RunFolder folder, ProcessRegistry registry, SnapshotStore store, MemoryWatch memory, EngineChoice choice, StreamRelay streams)
{
    private readonly long _since = Clock.Real;
    private readonly NewestUsable _usable = new(store);

    public Status Make()
    {
        var (engine, why) = choice.Of(registry.Policies);
        var status = new Status
        {
            MasterPid = (uint)Posix.ProcessId,
            MasterSince = _since,
            Domain = (uint)folder.Domain,
            Engine = engine.Name,
            EngineWhy = why,
            GraphVersion = registry.GraphVersion,
            LogBytes = LogBytes(),
            MemoryUsed = memory.Used,
            MemoryBudget = memory.Budget,
            MemoryFree = memory.Free(),
            MemoryNote = memory.Note,
        };
        var members = registry.Members;
        _usable.Forget(members.Select(m => m.Id).ToHashSet().Contains);
        // Files are looked at before, for all others wait while the registry is.
        var snapshots = members.Select(m => (Member: m, Snapshots: _usable.Of(m.Id))).ToList();
        status.Processes.AddRange(registry.Look(() => snapshots.ConvertAll(x => Describe(x.Member, x.Snapshots))));
        if (registry.WhyBehind is { } behind)
        {
            status.Notes.Add($"the registry's journal cannot be written ({behind}): should this master be killed, the next one asks the living");
        }
        return status;
    }

    public Checkpoint Describe(Member member, StoredSnapshot snapshot)
    {
        var checkpoint = new Checkpoint
        {
            Process = member.Id,
            Number = snapshot.Number,
            Folder = snapshot.Folder.FullName,
            Usable = snapshot.Manifest is not null,
            Note = snapshot.Why,
            Taken = snapshot.Manifest?.Taken ?? 0,
            Frozen = snapshot.Manifest?.Frozen ?? 0,
            Bytes = snapshot.Manifest?.Bytes ?? 0,
            JournalPosition = snapshot.Manifest?.JournalPosition ?? 0,
        };
        checkpoint.Nodes.AddRange(registry.Look(() => member.Entry.NodeNames.ToList()));
        return checkpoint;
    }

    private ProcessStatus Describe(Member member, (SnapshotManifest? Newest, string Why) snapshots)
    {
        var record = member.Entry.Record;
        var outputs = streams.Unread(member);
        var process = new ProcessStatus
        {
            Process = record.Clone(),
            Endpoints = (uint)member.Entry.Entities.Values.Count(e => e.Kind != (uint)EntityKind.Node),
            // "left" and "final" are the words that scripts know.
            State = member.Entry.State switch
            {
                ProcessState.Live when member.SlotState == ProcessState.Exited => "left",
                // Its end is about to be handled.
                ProcessState.Live when !registry.IsForeign(member) && !registry.IsAlive(member) => "dead",
                ProcessState.Live when member.Mode == ProcessMode.CatchUp => "catching up",
                ProcessState.Live when member.Recovering || member.Mode == ProcessMode.Replay => "replaying",
                ProcessState.Live => "live",
                ProcessState.Recovering => "recovering",
                ProcessState.Exited => "left",
                _ when record.Killed != 0 => "killed",
                _ => "final",
            },
            LastCheckpoint = snapshots.Newest?.Taken ?? 0,
            LastSilence = Silence.Of(member, record.CaughtUp),
            CaughtUp = record.CaughtUp,
            Policy = member.Policy,
            Engine = choice.For(member.Policy).Name,
            Note = string.Join("; ", Notes(member, snapshots.Why, outputs)),
        };
        process.Process.Policy = null;
        process.Process.Rights = null;
        process.Process.Rules.Clear();
        process.Process.Program.Clear();
        // What was secret in an environment stays here.
        process.Process.Environment.Clear();
        process.Nodes.AddRange(member.Entry.NodeNames);
        process.Outputs.AddRange(outputs);
        return process;
    }

    private IEnumerable<string> Notes(Member member, string whyNotNewest, IReadOnlyList<string> outputs)
    {
        if (registry.IsForeign(member))
        {
            yield return "in another pid namespace: whether it lives cannot be seen from here, and it is not recovered";
        }
        else if (member is { WasFound: true, IsUnheard: true })
        {
            yield return "found alive by this master, to which it has not said hello yet";
        }
        if (member.Entry.Record.Note is { Length: > 0 } note)
        {
            yield return note;
        }
        else if (PrimaryStatus.Of(member) is { IsLiveOrRecovering: true } primary)
        {
            yield return $"primary domain {primary.Domain}: snapshot and recovered there";
        }
        else if ((choice.HasImages(member.Policy) ? member.WhyNotBroughtBack : member.WhyNotStartedAgain) is { } why)
        {
            yield return $"not brought back: {why}";
        }
        else if (member.HasNodes)
        {
            yield return "it has started other nodes: not snapshot, not recovered";
        }
        else if (member.Slot.AcquireInt64(ProcessTable.Divergences) is > 0 and var n)
        {
            yield return $"{n} publishes diverged in replay";
        }
        if (whyNotNewest.Length > 0)
        {
            yield return whyNotNewest;
        }
        if (member.Entry.Record.Lost is { Count: > 0 } lost)
        {
            yield return $"was brought back without {string.Join(", ", lost)}";
        }
        foreach (var why in Unprotected.Why(member))
        {
            yield return why;
        }
        if (member.Policy.Engine == EnginePolicy.Criu && !choice.HasImages(member.Policy))
        {
            yield return $"criu was asked for, but {choice.Why}";
        }
        if (outputs.Count > 0)
        {
            yield return $"output: {string.Join(", ", outputs)}";
        }
        foreach (var scarce in MemoryNotes(member))
        {
            yield return scarce;
        }
        foreach (var complaint in member.Entry.Record.Complaints)
        {
            yield return complaint;
        }
        if (member.Policy.Written().ToList() is { Count: > 0 } settings)
        {
            yield return string.Join(", ", settings);
        }
    }

    private IEnumerable<string> MemoryNotes(Member member)
    {
        if (member.Entry.State != ProcessState.Live)
        {
            yield break;
        }
        if (member.Slot.AcquireUInt32(ProcessTable.Unjournalled) != 0)
        {
            yield return "there is no room for its journal: it cannot be recovered to where it is";
        }
        if (member.Slot.AcquireInt64(ProcessTable.Unpublished) is > 0 and var gone)
        {
            yield return $"{gone} messages went nowhere, for there was no room";
        }
        if (member.LastTaken != 0 && member.TakenBytes - member.LastBytes is var taken && taken > memory.Share)
        {
            yield return $"since its snapshot it has taken {ByteSize.Show(taken)}, of which logs keep {ByteSize.Show(memory.Share)}: "
                + "its recovery would miss messages";
        }
        if (SnapshotTiming.PartFrozen(member.Policy, member.LastFrozen) is > 0 and var part)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"its snapshots stop it {100 * part:F0} % of the time ({member.LastFrozen / 1e6:F0} ms each): a longer interval, or auto, would not");
        }
    }

    private ulong LogBytes()
    {
        try
        {
            return (ulong)folder.Logs.Children(folders: true).SelectMany(x => x.Children(folders: false)).Sum(x => x.Facts?.Size ?? 0);
        }
        catch (IOException)
        {
            // Swept meanwhile.
            return 0;
        }
    }
}
