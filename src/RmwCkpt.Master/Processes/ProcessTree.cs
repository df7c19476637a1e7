using RmwCkpt.Memory;

namespace RmwCkpt.Master.Processes;

/// <summary>Ends processes whole: with their group and all that is below them.</summary>
internal static class ProcessTree
{
    /// <summary>Kills a process, those below it, and the group that it leads. Returns at once; see <see cref="Collect"/>.</summary>
    /// <returns>Whom it killed.</returns>
    public static IReadOnlyList<int> Kill(int pid)
    {
        // Looked for first: those below a dead process are somebody else's.
        int[] all = [pid, .. ProcessProbe.Descendants(pid)];
        Posix.Kill(-pid, Posix.SigKill);
        foreach (var one in all)
        {
            Posix.Kill(one, Posix.SigKill);
        }
        return all;
    }

    /// <summary>
    /// Waits until processes that were ended are gone, and collects those that have become this process' children. False:
    /// after <paramref name="patience"/> some are still there.
    /// </summary>
    public static bool Collect(IEnumerable<int> pids, TimeSpan patience) => Await(pids, patience, ProcessProbe.Exists);

    /// <summary>The same, but that those are not waited for that have ended and whose parents take their time to collect them.</summary>
    public static bool AwaitEnds(IEnumerable<int> pids, TimeSpan patience) => Await(pids, patience, x => !ProcessProbe.HasEnded(x));

    private static bool Await(IEnumerable<int> pids, TimeSpan patience, Func<int, bool> isThere)
    {
        var until = Clock.Steady + ((long)patience.TotalMilliseconds * Clock.Millisecond);
        foreach (var pid in pids)
        {
            while (!Posix.Reap(pid, out _) && isThere(pid))
            {
                if (Clock.Steady > until)
                {
                    return false;
                }
                Thread.Sleep(1);
            }
        }
        return true;
    }
}
