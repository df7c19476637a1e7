using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Replay;

namespace RmwCkpt.Middleware.Tests;

/// <summary>A folder in memory, a process table slot, and incarnations of one process' determinants.</summary>
internal sealed class Scratch : IDisposable
{
    private readonly NativeBuffer _slot = new();
    private readonly TrustedFolder _folder = TrustedFolder.Open($"/dev/shm/rmw_ckpt-test-{Guid.NewGuid():n}", make: true, "");

    public Scratch()
    {
        Slot.All.Clear();
        Slot.Write(ProcessTable.Incarnation, 1u);
    }

    public string Folder => _folder.Path;

    public TrustedPath At => _folder.Root;

    public Region Slot => _slot.Ensure(ProcessTable.SlotSize);

    public Replayed Session { get; } = new();

    public ReplayJournal Live(bool resumed = false, IReplayClock? clock = null)
    {
        if (resumed)
        {
            Slot.Increment(ProcessTable.Incarnation);
        }
        return new ReplayJournal(
            Session, Journal.Open(At / "journal", null), Slot, Slot.ReadUInt32(ProcessTable.Incarnation), resumed, clock);
    }

    public void Dispose()
    {
        _slot.Dispose();
        _folder.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    public sealed class Replayed : IReplayed
    {
        public List<(uint Entity, Gid Log, long First)> Matches { get; } = [];

        public int Ends { get; private set; }

        public bool ReplayMatch(uint entity, Gid log, long first)
        {
            Matches.Add((entity, log, first));
            return true;
        }


        public void ReplayEnded() => Ends++;

        public void FellBehind()
        {
        }

        public HashSet<uint> Triggered { get; } = [];

        public bool IsTriggered(uint id) => Triggered.Contains(id);

        /// <summary>Ids below 100 are guard conditions.</summary>
        public bool AwaitsTrigger(uint id) => id < 100 && !Triggered.Contains(id);
    }
}
