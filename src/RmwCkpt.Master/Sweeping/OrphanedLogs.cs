using Microsoft.Extensions.Logging;
using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Sweeping;

/// <summary>
/// Logs whose writer has left or was destroyed. Others may still have something to read there, or read it again when they
/// recover, and so may the writer itself compare with it: such a log is needed until nobody alive reads it and everyone who
/// ever did has so many newer snapshots that none from before is kept. Not thread-safe.
/// </summary>
internal sealed class OrphanedLogs(RunFolder folder, ProcessRegistry registry, EngineChoice engine, Action<TrustedPath> remove, ILogger log)
{
    private readonly Dictionary<Gid, OrphanedLog> _logs = [];
    private long _count;

    /// <summary>How many there are of a process.</summary>
    public int Count(ulong process) => _logs.Keys.Count(x => x.Process == process);

    /// <summary>Removes those of a process, needed or not.</summary>
    public void GiveUp(ulong process)
    {
        foreach (var log in _logs.Keys.Where(x => x.Process == process).ToList())
        {
            remove(folder.Log(log));
            _logs.Remove(log);
        }
    }

    /// <summary>Removes the oldest, needed or not, those that nobody reads first, where all have more than so many bytes.</summary>
    public void GiveUpBeyond(long bytes)
    {
        var surplus = _logs.Sum(x => x.Value.BytesAt(folder.Log(x.Key))) - bytes;
        var given = 0;
        foreach (var (gid, orphan) in surplus > 0 ? _logs.OrderBy(x => x.Value.IsRead).ThenBy(x => x.Value.Order).ToList() : [])
        {
            if (surplus <= 0)
            {
                break;
            }
            surplus -= orphan.BytesAt(folder.Log(gid));
            remove(folder.Log(gid));
            _logs.Remove(gid);
            given++;
        }
        if (given > 0)
        {
            log.OrphanedLogsGivenUp(ByteSize.Show(bytes), given);
        }
    }

    /// <summary>A log whose writer is gone. Idempotent.</summary>
    public void Add(Gid log)
    {
        var orphan = new OrphanedLog { Order = _count++ };
        if (_logs.TryAdd(log, orphan) && registry.Find(log.Process) is { } writer)
        {
            orphan.Noted.Add(writer.Id, Newest(writer));
        }
    }

    /// <summary>Removes those that nobody needs any more.</summary>
    public void Sweep()
    {
        foreach (var (log, orphan) in _logs.ToList())
        {
            if (IsWritten(log))
            {
                // A recovered writer has made its endpoint again.
                _logs.Remove(log);
                continue;
            }
            if (orphan.IsRead || !orphan.Noted.Any(IsNeeded))
            {
                Look(log, orphan);
            }
            if (!orphan.IsRead && !orphan.Noted.Any(IsNeeded))
            {
                remove(folder.Log(log));
                _logs.Remove(log);
            }
        }
    }

    private bool IsWritten(Gid log) =>
        registry.Find(log.Process) is { } writer
        && registry.Look(() => writer.IsUnheard
            || (writer.Entry.State != ProcessState.Exited && writer.Entry.Entities.ContainsKey(log.Entity)));

    /// <summary>Looks who reads it, and who ever did.</summary>
    private void Look(Gid log, OrphanedLog orphan)
    {
        orphan.IsRead = false;
        try
        {
            using var head = LogHead.Open(folder.Log(log));
            foreach (var member in registry.Members.Where(m => m.Entry.State != ProcessState.Exited))
            {
                if (head.HasReader(member.SlotIndex))
                {
                    orphan.IsRead = true;
                    orphan.Noted[member.Id] = Newest(member);
                }
                else if (head.WasReader(member.SlotIndex))
                {
                    orphan.Noted.TryAdd(member.Id, Newest(member));
                }
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            // Nobody can read that.
        }
    }

    /// <summary>The domain that takes a process' snapshots, and the number of the newest.</summary>
    private (int Domain, uint Number) Newest(Member member) =>
        PrimaryStatus.Of(member) is { IsLiveOrRecovering: true } primary ? (primary.Domain, primary.Snapshots) : (folder.Domain, member.LastNumber);

    /// <summary>Whether a process (and its newest snapshot then) may still be rolled back to before.</summary>
    private bool IsNeeded(KeyValuePair<ulong, (int Domain, uint Number)> noted) =>
        registry.Find(noted.Key) is { } member
        && member.Entry.State != ProcessState.Exited
        && !member.Entry.IsHidden
        && !member.HasNodes
        && !(engine.HasImages(member.Policy) && Newest(member) is var (domain, number) && domain == noted.Value.Domain
            && number > noted.Value.Number + SnapshotStore.UsableKept);

    private sealed class OrphanedLog
    {
        private long _bytes = -1;

        /// <summary>Says which are older.</summary>
        public long Order { get; init; }

        /// <summary>Nobody writes to it: it is measured once.</summary>
        public long BytesAt(TrustedPath path)
        {
            try
            {
                return _bytes >= 0 ? _bytes : _bytes = path.Bytes();
            }
            catch (IOException)
            {
                return 0;
            }
        }

        /// <summary>Whether somebody had something to read there at the last look; before the first it may be.</summary>
        public bool IsRead { get; set; } = true;

        /// <summary>Who wrote or read it, and its newest snapshot when it was last seen to.</summary>
        public Dictionary<ulong, (int Domain, uint Number)> Noted { get; } = [];
    }
}
