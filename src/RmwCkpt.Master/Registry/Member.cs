using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Master.Recovery;
using RmwCkpt.Master.Server;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Registry;

/// <summary>
/// A process as this master works with it: its entry in the registry, its slot, its standard descriptors. What is journalled
/// is in <see cref="Entry"/>; the rest is found again by the next master.
/// </summary>
internal sealed class Member(RegistryEntry entry, Region slot)
{
    public RegistryEntry Entry { get; } = entry;

    /// <summary>Its slot of the process table.</summary>
    public Region Slot { get; } = slot;

    public ulong Id => Entry.Record.Process_;

    public uint SlotIndex => Entry.Record.Slot;

    /// <summary>What it asks for, by its environment and its nodes' names.</summary>
    public Policy Policy { get; private set; } = Choose(entry);

    /// <summary>Why it cannot be brought back with the rights that it had; null: it can.</summary>
    public string? WhyNotBroughtBack => RightsCheck.WhyNotBroughtBack(Entry.Record.Rights, RightsReader.Own);

    /// <summary>Why its command cannot be started again with them; null: it can.</summary>
    public string? WhyNotStartedAgain => WhyNotBroughtBack ?? RightsCheck.WhyNotStartedAgain(Entry.Record.Rights, RightsReader.Own);

    public HeldStdio Stdio { get; set; } = HeldStdio.None;

    /// <summary>Held while its images are written, read or moved: one of these at a time.</summary>
    public SemaphoreSlim Gate { get; } = new(1);

    /// <summary>Other nodes descend from it (a launch file's process): it is neither frozen nor started again.</summary>
    public bool HasNodes { get; set; }

    /// <summary>The processes below it when they were last looked at.</summary>
    public IReadOnlyList<Kin> Below { get; set; } = [];

    /// <summary>The number of the incarnation, if any, that its command was started again for.</summary>
    public uint StartedAgain { get; set; }

    /// <summary>The last incarnation that has said hello again.</summary>
    public uint Resumed { get; set; }

    /// <summary>Its command was started again, and ended before it was a node.</summary>
    public bool EndedBeforeJoining => Resumed < StartedAgain;

    /// <summary>It was alive when this master began, and has not said to it yet what it is.</summary>
    public bool IsUnheard { get; set; }

    /// <summary>The journal did not know it.</summary>
    public bool WasFound { get; init; }

    /// <summary>A recovery is under way, up to the moment in which it is live again.</summary>
    public bool Recovering { get; set; }

    /// <summary>When its end was seen, ns since the epoch.</summary>
    public long DiedAt { get; set; }

    /// <summary>When the next snapshot is due on the monotonic clock; of the scheduler.</summary>
    public long DueAt { get; set; } = long.MaxValue;

    /// <summary>A snapshot of it is being taken, or waited for; of the scheduler.</summary>
    public bool IsTaking { get; set; }

    /// <summary>Journal cells at the newest snapshot; -1: there is none.</summary>
    public long LastPosition { get; set; } = -1;

    /// <summary>Bytes taken at the newest snapshot.</summary>
    public long LastBytes { get; set; }

    /// <summary>The number of its newest snapshot; the slot has it too, for other domains' masters.</summary>
    public uint LastNumber
    {
        get => Slot.AcquireUInt32(ProcessTable.Snapshots);
        set => Slot.Release(ProcessTable.Snapshots, value);
    }

    /// <summary>Snapshots that could not be taken since the last that could, and why the last one could not.</summary>
    public int FailedSnapshots { get; set; }

    public string WhyNoSnapshot { get; set; } = "";

    /// <summary>Why the newest one may be void although it was taken.</summary>
    public string SnapshotDoubt { get; set; } = "";

    /// <summary>When the last one could not be taken, on the monotonic clock.</summary>
    public long NoSnapshotAt { get; set; }

    /// <summary>The parent of it, or of its keeper.</summary>
    public Ancestor? Launcher => Entry.Record.Ancestors.FirstOrDefault();

    /// <summary>How the last of its incarnations ended that did, and which one that was (0: none yet).</summary>
    public EndOf HowItEnded { get; set; }

    public uint EndedIncarnation { get; set; }

    /// <summary>How long ago a signal last asked it to end; null: none has.</summary>
    public TimeSpan? SinceAsked => Slot.AcquireInt64(ProcessTable.AskedAt) is not 0 and var at
        ? TimeSpan.FromTicks((Clock.Real - at) / 100)
        : null;

    public long LastTaken { get; set; }

    /// <summary>When the oldest snapshot of those that are kept was taken; 0: there is none.</summary>
    public long OldestTaken { get; set; }

    /// <summary>How long the newest one froze it, ns.</summary>
    public long LastFrozen { get; set; }

    /// <summary>What a recovery would have to do again; of the scheduler.</summary>
    public RecoveryGoal Goal { get; } = new(ProcessProbe.ProcessorTime);

    /// <summary>Before this, on the monotonic clock, nothing makes another one due.</summary>
    public long NotBefore { get; set; }

    /// <summary>Bytes of the newest image; 0: not known.</summary>
    public long ImageBytes { get; set; }

    /// <summary>Messages published at the newest snapshot.</summary>
    public long LastPublished { get; set; }

    /// <summary>The first cell that the journal kept when a snapshot was last made due for it; see the scheduler.</summary>
    public long SeenFirst { get; set; }

    public ProcessState SlotState
    {
        get => (ProcessState)Slot.AcquireUInt32(ProcessTable.State);
        set => Slot.Release(ProcessTable.State, (uint)value);
    }

    public ProcessMode Mode => (ProcessMode)Slot.AcquireUInt32(ProcessTable.Mode);

    public long JournalEnd => Slot.AcquireInt64(ProcessTable.JournalEnd);

    /// <summary>Counts cells in its journals of other domains.</summary>
    public uint SecondaryCells => Slot.AcquireUInt32(ProcessTable.SecondaryCells);

    /// <summary>As it was at the newest snapshot.</summary>
    public uint LastSecondaryCells { get; set; }

    /// <summary>The first cell that its journal keeps.</summary>
    public long JournalFirst => Slot.AcquireInt64(ProcessTable.JournalFirst);

    public long TakenBytes => Slot.AcquireInt64(ProcessTable.TakenBytes);

    public long LastTake => Slot.AcquireInt64(ProcessTable.LastTake);

    public long Published => Slot.AcquireInt64(ProcessTable.Published);

    public long LiveAt => Slot.AcquireInt64(ProcessTable.LiveAt);

    /// <summary>When its newest incarnation that was brought back first published something new.</summary>
    public long SaidAt => Slot.AcquireInt64(ProcessTable.SaidAt);

    /// <summary>When it joined, on the monotonic clock; 0: under another master.</summary>
    public long JoinedAt { get; set; }

    /// <summary>For how long it had been live, since it joined or was brought back; nothing: it was still replaying.</summary>
    public TimeSpan LivedFor(long until) => Mode == ProcessMode.Replay
        ? TimeSpan.Zero
        : TimeSpan.FromTicks((until - Math.Max(JoinedAt, LiveAt)) / 100);

    /// <summary>Its nodes are others now.</summary>
    public void ChoosePolicy() => Policy = Choose(Entry);

    private static Policy Choose(RegistryEntry entry) =>
        PolicyFile.Choose(entry.Record.Policy, entry.Record.Rules, entry.NodeNames);

    public override string ToString() => Entry.ToString();
}
