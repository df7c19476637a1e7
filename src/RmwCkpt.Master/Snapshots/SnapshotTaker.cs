using Microsoft.Extensions.Logging;
using RmwCkpt.Domain;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Registry;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Snapshots;

/// <summary>How a snapshot went; Number 0: none was taken, and Why says why.</summary>
internal sealed record SnapshotOutcome(uint Number, string Why, SnapshotManifest? Manifest);

/// <summary>Takes one snapshot of one process.</summary>
internal sealed class SnapshotTaker(RunFolder run, ProcessRegistry registry, SnapshotStore store, EngineChoice engine, ImageRoom room, ILogger log)
{
    private const int Attempts = 5;

    /// <summary>How long, ms, a process may take to detach what it has lent.</summary>
    private const int DetachPatience = 500;
    private static readonly TimeSpan s_again = TimeSpan.FromMilliseconds(50);

    /// <summary>Whether a snapshot of it would be of use now; null: yes, else why not.</summary>
    public static string? Obstacle(Member member)
    {
        if (member.Entry.State != ProcessState.Live || member.SlotState != ProcessState.Live)
        {
            return "it is not alive";
        }
        if (member.Recovering || member.Mode != ProcessMode.Live)
        {
            return "it is replaying its journal";
        }
        if (member.Entry.IsHidden)
        {
            return "its nodes are hidden ones (_...): a tool is not recovered";
        }
        if (PrimaryStatus.Of(member) is { IsLiveOrRecovering: true } primary)
        {
            return $"the master of domain {primary.Domain}, which it joined first, takes its snapshots";
        }
        if (member.WhyNotBroughtBack is { } why)
        {
            return $"it is not brought back: {why}";
        }
        return member.HasNodes ? "it has started other nodes, which would be frozen with it" : null;
    }

    /// <summary>Takes it. The process' gate is held meanwhile. Nothing here is fatal.</summary>
    /// <exception cref="OperationCanceledException">The master stops before it could begin.</exception>
    public SnapshotOutcome Take(Member member, bool unlessUnchanged, CancellationToken stopping)
    {
        member.Gate.Wait(stopping);
        try
        {
            var why = Obstacle(member);
            if (why is null && unlessUnchanged && member.JournalEnd == member.LastPosition && member.SecondaryCells == member.LastSecondaryCells
                && member.Published == member.LastPublished)
            {
                return new SnapshotOutcome(0, "", null);
            }
            why ??= Nested(member);
            var writes = engine.For(member.Policy) is not ForkEngine;
            if (why is null && writes && room.WhyNone(member) is { } full)
            {
                // Nothing was frozen in vain: that there is room again is seen at the next time.
                return Failed(member, full, counts: false);
            }
            if (why is not null)
            {
                return Failed(member, why);
            }
            using var kept = writes ? room.Keep(member) : null;
            return Dump(member);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Failed(member, e.Message);
        }
        finally
        {
            member.Gate.Release();
        }
    }

    private SnapshotOutcome Dump(Member member)
    {
        var begun = Clock.Steady;
        KinWatch.Note(registry, member);
        for (var attempt = 1; ; attempt++)
        {
            var (number, folder) = store.Begin(member.Id);
            var position = member.JournalEnd;
            var bytes = member.TakenBytes;
            var published = member.Published;
            var secondaryCells = member.SecondaryCells;
            var its = engine.For(member.Policy);
            var manifest = new SnapshotManifest
            {
                Process = member.Id,
                Number = number,
                Incarnation = member.Entry.Record.Incarnation,
                Pid = (int)member.Entry.Record.Pid,
                Engine = its.Name,
                JournalPosition = position,
                Taken = Clock.Real,
                Below = member.Below,
                Affinities = its.KeepsIds ? ProcessAttributes.Affinities((int)member.Entry.Record.Pid) : new Dictionary<int, string>(),
            };
            var result = Freeze(member, folder);
            if (result.Done)
            {
                manifest = SnapshotStore.Finish(folder, manifest with { Frozen = result.FrozenNanoseconds });
                if (its is ForkEngine)
                {
                    // Its child has ended for the new one.
                    store.RemoveOlder(member.Id, number);
                }
                member.OldestTaken = member.LastTaken != 0 ? member.LastTaken : manifest.Taken;
                (member.LastPosition, member.LastNumber, member.LastTaken) = (position, number, manifest.Taken);
                (member.LastBytes, member.LastSecondaryCells, member.LastPublished) = (bytes, secondaryCells, published);
                (member.LastFrozen, member.ImageBytes) = (manifest.Frozen, manifest.Bytes);
                (member.FailedSnapshots, member.WhyNoSnapshot, member.SnapshotDoubt) = (0, "", result.Why);
                log.Taken(
                    member.ToString(), number, manifest.Frozen / 1e6, (Clock.Steady - begun) / 1e6, manifest.Bytes, position);
                return new SnapshotOutcome(number, "", manifest);
            }
            SnapshotStore.Abandon(folder);
            if (result.Harmed)
            {
                return Harmed(member, result.Why);
            }
            if (!result.Retry || attempt == Attempts || Obstacle(member) is not null)
            {
                return Failed(member, result.Why);
            }
            Thread.Sleep(s_again);
        }
    }

    private SnapshotResult Freeze(Member member, TrustedPath folder)
    {
        registry.BeginWork();
        member.Slot.Release(ProcessTable.FreezeStart, Clock.Steady);
        member.Slot.Release(ProcessTable.Freezing, 1u);
        try
        {
            return HaveLoansDetached(member)
                ? engine.For(member.Policy).Dump(
                    new DumpOrder((int)member.Entry.Record.Pid, folder, member.Stdio) { Page = run.SnapshotPage(member.Id) })
                : SnapshotResult.Failed("it does not say that the messages it has lent are its own: is it stopped?", retry: true);
        }
        finally
        {
            // In this order: who sees that the freezing is over also sees that there was one.
            member.Slot.Release(ProcessTable.FreezeEnd, Clock.Steady);
            member.Slot.Increment(ProcessTable.Freezes);
            member.Slot.Release(ProcessTable.Freezing, 0u);
            registry.Ring(member);
            registry.EndWork();
        }
    }

    /// <summary>
    /// Messages that a node has borrowed and not published are its state, but in files that it shares: they are made its own
    /// first. Freezing is set: what it borrows from now on is its own at once. False: it does not answer.
    /// </summary>
    private bool HaveLoansDetached(Member member)
    {
        Interlocked.MemoryBarrier();
        if (member.Slot.AcquireUInt32(ProcessTable.Lending) == (uint)LendingState.None)
        {
            return true;
        }
        member.Slot.Release(ProcessTable.Lending, (uint)LendingState.Asked);
        registry.Ring(member);
        for (var waited = 0; waited < DetachPatience; waited++)
        {
            if (member.Slot.AcquireUInt32(ProcessTable.Lending) == (uint)LendingState.Detached)
            {
                return true;
            }
            Thread.Sleep(1);
        }
        return false;
    }

    /// <summary>A process freezes with all below it, so none of those may be a node.</summary>
    private string? Nested(Member member)
    {
        var below = ProcessProbe.Descendants((int)member.Entry.Record.Pid).ToHashSet();
        if (below.Count > 0
            && registry.Members.Any(m => m.Entry.State == ProcessState.Live && below.Contains((int)m.Entry.Record.Pid)))
        {
            member.HasNodes = true;
            return Obstacle(member);
        }
        return null;
    }

    /// <summary>
    /// The engine was killed while it held the process, which may be left with the engine's code in it. Where it can be
    /// recovered it is better dead.
    /// </summary>
    private SnapshotOutcome Harmed(Member member, string why)
    {
        var pid = (int)member.Entry.Record.Pid;
        if (!ProcessProbe.HasEnded(pid) && (member.LastNumber != 0 || member.Slot.AcquireInt64(ProcessTable.JournalFirst) == 0))
        {
            why += "; what it left of the process cannot be trusted: killed, to be recovered";
            registry.Signal(member, Posix.SigKill);
        }
        return Failed(member, why);
    }

    /// <summary>Said once, until it is another reason or there is a snapshot.</summary>
    private SnapshotOutcome Failed(Member member, string why, bool counts = true)
    {
        if (member.WhyNoSnapshot != why)
        {
            member.WhyNoSnapshot = why;
            log.NotTaken(member.ToString(), why);
        }
        member.NoSnapshotAt = Clock.Steady;
        member.FailedSnapshots += counts ? 1 : 0;
        return new SnapshotOutcome(0, why, null);
    }
}
