using Microsoft.Extensions.Logging;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Hosting;

/// <summary>
/// Collects what is nobody's any more: the master is a subreaper, or process 1 of a container, so orphans of all kinds
/// become its children, and stay zombies until it waits for them. Not thread-safe.
/// </summary>
/// <param name="isExpected">Whether somebody here still wants to know how the process of an id has ended.</param>
public sealed class OrphanReaper(Func<int, bool> isExpected, ILogger log)
{
    /// <summary>The zombies of the last look: what is ours in earnest has been collected before the next.</summary>
    private HashSet<int> _seen = [];

    /// <summary>Collects the zombies that were there at the last look too, which is to be seconds ago.</summary>
    public void Look()
    {
        var zombies = ProcessProbe.Children(Posix.ProcessId).Where(x => ProcessProbe.StateOf(x) is { State: 'Z' } && !isExpected(x)).ToHashSet();
        foreach (var pid in zombies.Where(_seen.Contains))
        {
            if (Posix.Reap(pid, out _))
            {
                log.Collected(pid);
            }
        }
        _seen = zombies;
    }
}
