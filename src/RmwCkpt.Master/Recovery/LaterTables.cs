using RmwCkpt.Domain;
using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Recovery;

/// <summary>
/// The process tables that masters have made at a run folder's path since the own one was removed. Each is kept once it was seen:
/// who was in it is looked after by the master that made it, also when it is removed in its turn. Thread-safe.
/// </summary>
internal sealed class LaterTables(RunFolder folder, ProcessTable own) : IDisposable
{
    private readonly object _gate = new();
    private readonly List<ProcessTable> _seen = [];

    /// <summary>Whether the master of a table that was seen knows a process, and looks after it from then on.</summary>
    public bool Have(Member member)
    {
        lock (_gate)
        {
            return _seen.Any(x => x.Slot(member.SlotIndex).AcquireUInt64(ProcessTable.ProcessId) == member.Id);
        }
    }

    /// <summary>Sees the table that is there now.</summary>
    public void Look()
    {
        lock (_gate)
        {
            try
            {
                // By its path: the own one is held by a descriptor.
                using var there = new RunFolder(folder.Run, folder.State, folder.Domain);
                if (there.Table.Exists && !own.Is(there) && !_seen.Exists(x => x.Is(there)))
                {
                    _seen.Add(ProcessTable.Open(there, make: false));
                }
            }
            catch (IOException)
            {
                // There is none yet, or nobody may trust it.
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _seen.ForEach(x => x.Dispose());
            _seen.Clear();
        }
    }
}
