using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using RmwCkpt.Master.Registry;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Snapshots;

/// <summary>
/// Sees to older snapshots, behind everything else: one thread of low priority. Removes them, and where that is asked for
/// (RMW_CKPT_KEEP=disk) moves new ones from memory to the disk.
/// </summary>
internal sealed class SnapshotCopier(SnapshotStore store, ImageRoom room, bool movesToDisk, ILogger log) : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);
    private readonly BlockingCollection<(Member Member, uint Number)> _queue = new();
    private Thread? _thread;

    public void Start()
    {
        _thread = new Thread(Run) { Name = "copier", IsBackground = true };
        _thread.Start();
    }

    public void Add(Member member, uint number) => _queue.Add((member, number));

    /// <summary>Ends after the copy under way; what is left is in memory still, and the next master's to copy.</summary>
    public void Dispose()
    {
        _queue.CompleteAdding();
        while (_queue.TryTake(out _))
        {
        }
        // Of low priority, so on a busy machine it may not run for long; what it leaves half moved the next master moves.
        if (_thread?.Join(s_patience) != false)
        {
            _queue.Dispose();
        }
    }

    private void Run()
    {
        Posix.LowerPriority();
        foreach (var (member, number) in _queue.GetConsumingEnumerable())
        {
            try
            {
                Move(member, number);
            }
            catch (Exception e)
            {
                log.NotStored(member.ToString(), number, e.Message);
            }
        }
    }

    private void Move(Member member, uint number)
    {
        Locked(member, () => store.Prune(member.Id));
        if (!movesToDisk)
        {
            room.Fit();
            return;
        }
        if (!store.Unpersisted(member.Id).Contains(number))
        {
            return;
        }
        var begun = Clock.Steady;
        var folder = store.Persist(member.Id, number);
        Locked(member, () =>
        {
            store.Forget(member.Id, number);
            store.Prune(member.Id);
        });
        log.Stored(member.ToString(), number, folder, (Clock.Steady - begun) / 1e6);
    }

    private static void Locked(Member member, Action action)
    {
        member.Gate.Wait();
        try
        {
            action();
        }
        finally
        {
            member.Gate.Release();
        }
    }
}
