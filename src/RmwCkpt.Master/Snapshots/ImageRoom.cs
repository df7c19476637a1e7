using RmwCkpt.Domain;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Sweeping;

namespace RmwCkpt.Master.Snapshots;

/// <summary>
/// Which images fit into the domain's memory: the newest of each process, and a second one where there is room. Each
/// process' own are changed under its gate.
/// </summary>
internal sealed class ImageRoom(SnapshotStore store, ProcessRegistry registry, MemoryWatch memory)
{
    /// <summary>
    /// Whether there is no room for a process' next image, and why; null: there is. For a while there are both, the new one
    /// and the one before, be that more than images may have. Its gate is held.
    /// </summary>
    public string? WhyNone(Member member)
    {
        if (member.ImageBytes == 0)
        {
            // Once: what is said of it is said anew when it changes.
            member.ImageBytes = ProcessProbe.PrivateBytes((int)member.Entry.Record.Pid);
        }
        var wanted = member.ImageBytes;
        var limit = MemoryPlan.Images(memory.Budget);
        var others = store.InMemory().Where(x => x.Process != member.Id).GroupBy(x => x.Process)
            .Sum(x => x.MaxBy(y => y.Number)!.Bytes);
        if (others + wanted > limit)
        {
            return $"its image of {ByteSize.Show(wanted)} does not fit beside those of others: images may have "
                + $"{ByteSize.Show(limit)} of the domain's {ByteSize.Show(memory.Budget)} ({Settings.Memory.Name})";
        }
        if (memory.Free() < wanted + (wanted / 16))
        {
            DropOlder(member.Id);
        }
        return memory.Free() < wanted + (wanted / 16)
            ? $"its image of {ByteSize.Show(wanted)} does not fit into what is free at {memory.Folder}" : null;
    }

    /// <summary>The room of an image that there is room for is its own while it is written.</summary>
    public IDisposable Keep(Member member) => memory.Expect(member.ImageBytes);

    /// <summary>Second images go, the oldest first, where all together are more than images may have.</summary>
    public void Fit()
    {
        var images = store.InMemory();
        var surplus = images.Sum(x => x.Bytes) - MemoryPlan.Images(memory.Budget);
        var newest = images.GroupBy(x => x.Process).ToDictionary(x => x.Key, x => x.Max(y => y.Number));
        foreach (var image in images.Where(x => x.Number < newest[x.Process]).OrderBy(x => registry.Find(x.Process)?.OldestTaken))
        {
            // One that is in use is not waited for: the next snapshot comes here again.
            if (surplus <= 0 || registry.Find(image.Process) is not { } member || !member.Gate.Wait(0))
            {
                continue;
            }
            try
            {
                store.Forget(image.Process, image.Number);
                surplus -= image.Bytes;
            }
            finally
            {
                member.Gate.Release();
            }
        }
    }

    private void DropOlder(ulong process)
    {
        foreach (var image in store.InMemory().Where(x => x.Process == process).OrderByDescending(x => x.Number).Skip(1).ToList())
        {
            store.Forget(process, image.Number);
        }
    }
}
