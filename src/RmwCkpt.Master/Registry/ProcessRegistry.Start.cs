using System.Buffers.Binary;
using Microsoft.Extensions.Logging;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Registry;

/// <summary>How a registry is opened: by what the master before this one has left.</summary>
internal sealed partial class ProcessRegistry
{
    public const uint JournalVersion = 1;

    /// <summary>Maps or makes the tables, reads the journal, and makes table and graph agree with it.</summary>
    /// <exception cref="IOException">The run folder cannot be used; the message says why.</exception>
    public static ProcessRegistry Open(RunFolder folder, IProcessProbe probe, ILogger log)
    {
        ProcessTable.RemoveOther(folder, HasLiving);
        var newTable = !folder.Table.Exists;
        var table = ProcessTable.Open(folder, make: true);
        var graph = GraphWriter.Open(folder, () => HasLiving(table));
        var (journal, records) = RegistryJournal.Open(folder.RegistryJournal, log);
        var head = new RegistryHead { Version = JournalVersion, Boot = BootId(), Run = graph.Run };
        var state = new RegistryState();
        if (records.Count > 0 && WhyVoid(records[0], head, newTable) is { } why)
        {
            var count = records.Count(x => x.WhatCase == RegistryRecord.WhatOneofCase.Process);
            if (count > 0)
            {
                log.Void(count, why);
            }
            journal.Clear();
        }
        else
        {
            foreach (var record in records)
            {
                state.Apply(record);
            }
        }
        var registry = new ProcessRegistry(folder, probe, log, state, journal, graph, table);
        foreach (var entry in state.Entries.ToList())
        {
            registry._lastId = Math.Max(registry._lastId, entry.Record.Process_);
            if (registry.IsSlotOfAnother(entry.Record))
            {
                // It was forgotten when the journal could not be written, and who has its slot now lives.
                state.Apply(new RegistryRecord { Gone = entry.Record.Process_ });
                continue;
            }
            var member = registry.AddMember(entry.Record.Process_);
            registry.MendSlot(member);
            member.IsUnheard = entry.IsVisible && registry.IsAlive(member);
        }
        registry.AdoptLiving(newTable, journal.WasWhole);
        registry.FreeOtherSlots();
        registry.Compact();
        graph.Rebuild(state.Entries);
        registry._notifier.Signal();
        return registry;
    }

    /// <summary>Whether the process of any slot runs, as far as its number says.</summary>
    private static bool HasLiving(ProcessTable table)
    {
        for (var slot = 0u; slot < ProcessTable.Slots; slot++)
        {
            var pid = table.Slot(slot).ReadUInt32(ProcessTable.Pid);
            if (pid != 0 && table.Slot(slot).ReadUInt32(ProcessTable.State) == (uint)ProcessState.Live && ProcessProbe.Exists((int)pid))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Whether the process of an entry still runs.</summary>
    public bool IsAlive(Member member) =>
        _probe.StartTime((int)member.Entry.Record.Pid) is { } start && ProcessProbe.IsSameStart(start, member.Entry.Record.StartTime);

    /// <summary>Sends a signal to the process, and to none that has its number by now. One that has ended is left alone.</summary>
    public void Signal(Member member, int signal)
    {
        var pid = (int)member.Entry.Record.Pid;
        // In this order: what the descriptor stands for is then known to be it.
        var pidfd = OpenPidfd(pid);
        if (IsAlive(member))
        {
            if (pidfd >= 0)
            {
                Posix.KillByPidfd(pidfd, signal);
            }
            else
            {
                // Out of descriptors: better by its number, which it has had a moment ago, than not.
                Posix.Kill(pid, signal);
            }
        }
        if (pidfd >= 0)
        {
            Posix.Close(pidfd);
        }
    }

    public int OpenPidfd(int pid) => _probe.OpenPidfd(pid);

    public ulong? StartTime(int pid) => _probe.StartTime(pid);

    public int EntityCount => _state.EntityCount;

    private static string? WhyVoid(RegistryRecord first, RegistryHead now, bool newTable)
    {
        if (first.WhatCase != RegistryRecord.WhatOneofCase.Head)
        {
            return "a registry journal without a head";
        }
        if (first.Head.Version != now.Version)
        {
            return $"a registry journal of version {first.Head.Version}";
        }
        if (first.Head.Boot != now.Boot)
        {
            return "an earlier boot";
        }
        return newTable || first.Head.Run != now.Run ? "a run folder that has been emptied" : null;
    }

    private static string BootId() => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    /// <summary>Brings a slot in line with the journal: the master before may have died between the two.</summary>
    private void MendSlot(Member member)
    {
        var record = member.Entry.Record;
        if (member.Slot.ReadUInt64(ProcessTable.ProcessId) != record.Process_)
        {
            member.Slot.Clear(0, ProcessTable.SlotSize);
            member.Slot.Write(ProcessTable.LastTake, -1L);
            member.Slot.Write(ProcessTable.ProcessId, record.Process_);
            member.SlotState = (ProcessState)record.State;
        }
        else if (member.Slot.ReadUInt32(ProcessTable.Pid) != record.Pid && !IsForeign(member) && !IsAlive(member)
            && LivingIn(member.Slot) is { } later)
        {
            // Its next incarnation, of which the journal has not heard.
            var incarnation = Math.Max(record.Incarnation, member.Slot.ReadUInt32(ProcessTable.Incarnation));
            Update(member, r => (r.Pid, r.StartTime, r.Incarnation, r.State) =
                ((uint)later.Pid, later.StartTime, incarnation, (uint)ProcessState.Live));
            record = member.Entry.Record;
        }
        member.Slot.Write(ProcessTable.Incarnation, record.Incarnation);
        member.Slot.Write(ProcessTable.Pid, record.Pid);
        if (member.Slot.AcquireUInt32(ProcessTable.Freezing) != 0)
        {
            member.Slot.Release(ProcessTable.Freezing, 0u);
            Ring(member);
        }
        if (member.SlotState is not (ProcessState.Exited or ProcessState.Exiting))
        {
            member.SlotState = (ProcessState)record.State;
        }
    }

    private void FreeOtherSlots()
    {
        _table.Domain.Release(ProcessTable.Freezing, 0u);
        for (var i = 1u; i < ProcessTable.Slots; i++)
        {
            if (_slots[i] == 0 && _table.Slot(i).AcquireUInt32(ProcessTable.State) != 0)
            {
                _table.Slot(i).Release(ProcessTable.State, 0u);
            }
        }
    }

    private void Compact() => _journal.Compact(
        _state.ToRecords().Prepend(new RegistryRecord
        {
            Head = new RegistryHead { Version = JournalVersion, Boot = BootId(), Run = _graph.Run },
        }));

    /// <summary>How the names of a process' log folders begin: its gids' first eight bytes.</summary>
    public static string LogPrefix(ulong process)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, process);
        return Convert.ToHexStringLower(bytes);
    }
}
