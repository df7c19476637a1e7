using RmwCkpt.Memory;

namespace RmwCkpt.Domain;

/// <summary>What a slot of the process table holds.</summary>
public enum ProcessState : uint
{
    Free = 0,

    /// <summary>Registered and alive (or not yet seen dead).</summary>
    Live = 1,

    /// <summary>Dead; a recovery is under way.</summary>
    Recovering = 2,

    /// <summary>It shut down, or ended well: its end is no death.</summary>
    Exited = 3,

    /// <summary>Dead and not to be revived.</summary>
    Failed = 4,

    /// <summary>Its exit handlers run, and it had not shut down: what its end is its exit status tells.</summary>
    Exiting = 5,
}

/// <summary>How far a process is with its recovery; written by the process itself.</summary>
public enum ProcessMode : uint
{
    Live = 0,

    /// <summary>It re-reads its journal.</summary>
    Replay = 1,

    /// <summary>The journal is at its end; ROS time runs after real time.</summary>
    CatchUp = 2,
}

/// <summary>
/// Whether a process has messages in its logs' files that it has lent and not published: they are its state, and are to be in
/// a snapshot of it. The master stores Asked; the process changes what it finds, by compare and exchange.
/// </summary>
public enum LendingState : uint
{
    /// <summary>It never lent any.</summary>
    None = 0,

    /// <summary>It may have.</summary>
    Shared = 1,

    /// <summary>The master, which has set Freezing, asks it to detach them.</summary>
    Asked = 2,

    /// <summary>It has, and goes on to as long as Freezing is set.</summary>
    Detached = 3,
}

/// <summary>
/// The process table: one slot for each process of the domain, mapped by all. Made by the master, never shrunk or replaced
/// (snapshots have it mapped).
/// <code>
///   slot, 256 bytes                                            written by
///   0 u32 Bell          futex, counts: something was committed  peers, itself, master
///   4 u32 Sleepers      1 when a thread may be asleep           the process; 0 by who wakes it
///   8 u32 Notice        futex: graph changed, look              master
///  12 u32 Incarnation   number of the incarnation, from 1  master
///  16 u32 Freezing      1 while a snapshot is taken             master
///  20 u32 Freezes       snapshots finished                      master
///  24 u32 Pid                                                   master
///  28 u32 State         ProcessState                            master; Exited and Exiting by the process
///  32 u64 ProcessId     names its folders and gids              master
///  40 i64 Unpublished   messages that there was no room for, all incarnations  the process
///  48 u64 Claim         which incarnation has which process id (ClaimOf)   master; who is revived by fork
///  64 i64 JournalEnd    cells in the journal                    the process, from here on
///  72 i64 LastTake      cell of the last take or wait, or -1
///  80 i64 Replayed      takes replayed, all incarnations
///  88 i64 Suppressed    publishes found in the log, all incarnations
///  96 i64 Divergences   publishes in replay that differ from the log, and replays given up
/// 104 i64 Lost          messages lost to retention
/// 112 i64 LiveAt        when it last went live after a recovery
/// 120 u32 Mode          ProcessMode
/// 128 i64 Taken
/// 136 i64 Published
/// 144 i64 JournalFirst  first cell still kept
/// 152 i64 FreezeStart   when the newest snapshot was begun                          master
/// 160 i64 FreezeEnd     when it was finished; valid once Freezing is 0 again        master
/// 168 i64 TakenBytes    of messages, all incarnations           the process
/// 176 u64 PrimaryProcess  what it is in the domain whose master recovers it; 0: this one
/// 184 u32 PrimaryDomain that domain
/// 188 u32 PrimarySlot   its slot there
/// 192 u32 SecondaryCells  counts cells in its journals of its secondary domains
/// 196 u32 Snapshots     number of its newest snapshot                               master
/// 200 u32 Lending       LendingState                                                both
/// 204 u32 Unjournalled  1 while there is no room for its journal                    the process
/// 208 i64 AskedAt       when it was last asked to end by a signal, ns since the epoch   its signal handlers, its keeper
/// 216 i64 LookedAt      of slot 0: when a master last looked, ns of CLOCK_BOOTTIME   master
/// 216 i64 Paused        of a process: for how long it was killed with all others, which it does not catch up with, ns   master; 0 by the process
/// 224 u64 Magic         of slot 0: MagicValue, whose last byte is Versions.Protocol   master
/// 232 u64 PidNamespace  in slot 0: of the master, in which the slots' Pids are    master
/// 240 u32 Masters       in slot 0: counts masters; who sees another one says hello again    master
/// 232 i64 SaidAt        of a process: when its newest incarnation first published a message that is new   the process
/// 248 u32 Folder        its descriptor of the run folder, by which it reaches all in there   the process
/// </code>
/// Slot 0 stands for the whole domain: there Freezing counts the snapshots and recoveries under way, Freezes those ended, and
/// FreezeEnd is when the last of them ended. Times are the host's CLOCK_MONOTONIC, ns.
/// From 64 on it is laid out as <see cref="DomainMemory"/> says.
/// </summary>
public sealed class ProcessTable : IDisposable
{
    public const int Slots = 4096;
    public const int SlotSize = 256;
    public const int FileSize = Slots * SlotSize;

    public const int Bell = 0;
    public const int Sleepers = 4;
    public const int Notice = 8;
    public const int Incarnation = 12;
    public const int Freezing = 16;
    public const int Freezes = 20;
    public const int Pid = 24;
    public const int State = 28;
    public const int ProcessId = 32;
    public const int Claim = 48;
    public const int JournalEnd = 64;
    public const int LastTake = 72;
    public const int Replayed = 80;
    public const int Suppressed = 88;
    public const int Divergences = 96;
    public const int Lost = 104;
    public const int LiveAt = 112;
    public const int Mode = 120;
    public const int Taken = 128;
    public const int Published = 136;
    public const int JournalFirst = 144;
    public const int FreezeStart = 152;
    public const int FreezeEnd = 160;
    public const int TakenBytes = 168;
    public const int PrimaryProcess = 176;
    public const int PrimaryDomain = 184;
    public const int PrimarySlot = 188;
    public const int SecondaryCells = 192;
    public const int Snapshots = 196;
    public const int Lending = 200;
    public const int Unjournalled = 204;
    public const int AskedAt = 208;
    public const int LookedAt = 216;
    public const int Paused = 216;
    public const int Magic = 224;
    public const int Unpublished = 40;
    public const int SaidAt = 232;
    public const int PidNamespace = 232;
    public const int Masters = 240;
    public const int Folder = 248;

    /// <summary>In a claim: the master itself begins this incarnation.</summary>
    public const uint ByMaster = uint.MaxValue;

    public const ulong MagicValue = 0x4c42544b434b52 | ((ulong)Versions.Protocol << 56); // "RKCKTBL" and one byte

    private readonly Mapping _file;

    private ProcessTable(Mapping file) => _file = file;

    /// <summary>Maps the table; the master makes it if it is missing.</summary>
    /// <exception cref="IOException">It is missing and not to be made, or has another size.</exception>
    public static ProcessTable Open(RunFolder folder, bool make)
    {
        var isNew = make && !folder.Table.Exists;
        var file = isNew
            ? Mapping.Create(folder.Table + ".new", FileSize)
            : Mapping.Open(folder.Table);
        if (file.View.Length != FileSize)
        {
            file.Dispose();
            throw new IOException($"{folder.Table} has {file.View.Length} bytes instead of {FileSize}: remove {folder.Run}");
        }
        var table = new ProcessTable(file);
        if (isNew)
        {
            // Under its name it is whole: who opens it meanwhile is not to take it for another version's.
            table.Domain.Release(Magic, MagicValue);
            (folder.Table + ".new").MoveTo(folder.Table);
        }
        if (table.Domain.AcquireUInt64(Magic) != MagicValue)
        {
            table.Dispose();
            throw new IOException(Other(folder));
        }
        return table;
    }

    /// <summary>Why no process of this version can join: the table is another's; null: it is not, or there is none.</summary>
    public static string? WhyNot(RunFolder folder)
    {
        try
        {
            using var file = Mapping.Open(folder.Table);
            return file.View.Length == FileSize && file.View.AcquireUInt64(Magic) == MagicValue ? null : Other(folder);
        }
        catch (PosixException)
        {
            return null;
        }
    }

    /// <summary>How many masters there were in the table that the run folder has, and which table that is; 0: there is none.</summary>
    public static ((uint, uint, ulong)? Table, uint Count) MastersOf(RunFolder folder)
    {
        try
        {
            using var file = Mapping.Open(folder.Table, writable: false);
            return (folder.Table.Facts?.Id, file.View.Length == FileSize ? file.View.AcquireUInt32(Masters) : 0);
        }
        catch (IOException)
        {
            return default;
        }
    }

    /// <summary>Removes a table of another version if <paramref name="isUsed"/>, asked of it, says that nobody lives in it.</summary>
    public static void RemoveOther(RunFolder folder, Func<ProcessTable, bool> isUsed)
    {
        if (WhyNot(folder) is not null)
        {
            using var table = new ProcessTable(Mapping.Open(folder.Table));
            if (table._file.View.Length == FileSize && !isUsed(table))
            {
                folder.Table.Unlink();
            }
        }
    }

    private static string Other(RunFolder folder) =>
        $"{folder.Table} is of another version than this rmw_ckpt ({Versions.Release}): end all nodes of the domain, which are of "
        + "that version, and start them again";

    /// <summary>
    /// An incarnation is claimed by who compares and exchanges its open claim for his own, before he does anything: nobody else
    /// becomes it. The master opens it when it raises the incarnation.
    /// </summary>
    /// <param name="pid">0: open.</param>
    public static ulong ClaimOf(uint incarnation, uint pid) => ((ulong)incarnation << 32) | pid;

    /// <summary>One slot; offsets are this class' constants.</summary>
    public Region Slot(uint index) => _file.View.Slice((int)index * SlotSize, SlotSize);

    /// <summary>The slot that stands for the whole domain.</summary>
    public Region Domain => Slot(0);

    /// <summary>
    /// Rings a process' doorbell after a commit: a count that spinning waits see, and a wake if a thread may be asleep. Who
    /// takes the 1 off Sleepers wakes all who sleep. The increment is a full fence, which pairs with the sleeper's store of the 1.
    /// </summary>
    public void Ring(uint index)
    {
        var view = _file.View;
        var offset = (int)index * SlotSize;
        view.Increment(offset + Bell);
        if (view.AcquireUInt32(offset + Sleepers) != 0 && view.CompareExchange(offset + Sleepers, 1, 0))
        {
            Futex.WakeAll(view, offset + Bell);
        }
    }

    /// <summary>
    /// Puts the calling thread of a process to sleep until its bell is no longer <paramref name="bell"/>, for at most
    /// <paramref name="timeout"/> ns (negative: no limit). May return early. Holds over a restore in the middle of it. True:
    /// a signal woke it. It sleeps on the count, not on Sleepers, which another thread that goes to sleep after a ring sets
    /// again: this one would then sleep through it.
    /// </summary>
    public static bool Sleep(Region slot, uint bell, long timeout)
    {
        slot.Exchange(Sleepers, 1);
        return slot.AcquireUInt32(Bell) == bell && Futex.Wait(slot, Bell, bell, timeout);
    }

    /// <summary>Tells a process' monitor thread to look at the graph.</summary>
    public void Notify(uint index)
    {
        var view = _file.View;
        var offset = (int)index * SlotSize;
        view.Increment(offset + Notice);
        Futex.WakeAll(view, offset + Notice);
    }

    /// <summary>Whether it is the one that the run folder has.</summary>
    public bool Is(RunFolder folder) => _file.Is(folder.Table);

    /// <summary>
    /// Goes to the table of a run folder that was made again, with what a process has written to its slot; the master has
    /// given it the same there. Threads of it that sleep on the old one are woken, and find the new one.
    /// </summary>
    /// <exception cref="IOException">It is not there; nothing is changed.</exception>
    public void MoveTo(RunFolder folder, uint own)
    {
        using var old = _file.Duplicate();
        var was = old.View.Slice((int)own * SlotSize, SlotSize);
        using (var next = Mapping.Open(folder.Table))
        {
            var slot = next.View.Slice((int)own * SlotSize, SlotSize);
            was.Span(JournalEnd, FreezeStart - JournalEnd).CopyTo(slot.Span(JournalEnd, FreezeStart - JournalEnd));
            slot.Write(TakenBytes, was.ReadInt64(TakenBytes));
            slot.Write(SecondaryCells, was.ReadUInt32(SecondaryCells));
            slot.Write(Folder, was.ReadUInt32(Folder));
            slot.Write(AskedAt, was.ReadInt64(AskedAt));
            slot.Write(Unjournalled, was.ReadUInt32(Unjournalled));
            slot.Write(Unpublished, was.ReadInt64(Unpublished));
            slot.Write(Lending, was.ReadUInt32(Lending) == (uint)LendingState.None ? 0 : (uint)LendingState.Shared);
            // What sleepers compare with is another count in any case.
            slot.Write(Bell, was.ReadUInt32(Bell) + (1u << 31));
            slot.Write(Notice, was.ReadUInt32(Notice) + (1u << 31));
        }
        _file.MoveTo(folder.Table);
        Futex.WakeAll(was, Bell);
        Futex.WakeAll(was, Notice);
    }

    public void Dispose() => _file.Dispose();
}
