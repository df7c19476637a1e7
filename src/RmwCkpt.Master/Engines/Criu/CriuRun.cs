using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines.Criu;

/// <summary>How a run of CRIU ended.</summary>
/// <param name="Status">Its exit status; 128 and more: a signal ended it.</param>
/// <param name="IsOverdue">It was killed, for it took longer than it may.</param>
internal readonly record struct CriuEnd(int Status, bool IsOverdue)
{
    /// <summary>What it was killed in the middle of is in no state that anybody knows.</summary>
    public bool WasKilled => Status >= 128;
}

/// <summary>Runs CRIU in a session of its own, so that it can be ended whole, helpers included, and never without a limit.</summary>
internal static class CriuRun
{
    private const int Nice = -15;
    private const long FutilePatience = 300 * Clock.Millisecond;
    private const int LookEvery = 50; // ms
    private const long BytesPerSecond = 64 << 20;
    private static readonly TimeSpan s_leastLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_endPatience = TimeSpan.FromSeconds(1);

    /// <summary>How long a dump or restore of so many bytes may take: many times what it takes on a busy machine.</summary>
    public static TimeSpan LimitFor(long bytes) => s_leastLimit + TimeSpan.FromSeconds((double)bytes / BytesPerSecond);

    /// <summary>
    /// Runs CRIU to its end with nothing of ours but the inherited descriptors. It is killed after <paramref name="limit"/>,
    /// or soon after <paramref name="isFutile"/> begins to be true: it may wait for ever for a process that is killed under
    /// it, whose end nobody hears of while CRIU holds it.
    /// </summary>
    /// <exception cref="OperationCanceledException">The master stops; CRIU goes on without it.</exception>
    public static CriuEnd Run(
        string program, IReadOnlyList<string> arguments, IEnumerable<int> inherited, TimeSpan limit, Func<bool> isFutile,
        Func<bool> isStopping)
    {
        var nothing = Posix.Open("/dev/null", Posix.ReadWrite | Posix.CloseOnExec, 0);
        try
        {
            // With rights that who runs it has not, his environment (CRIU_CONFIG_FILE) is not for it either.
            List<string> environment = Posix.HasRightsOfItsFile ? ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] : [.. Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>()
                .Select(x => CriuCommand.Native($"{x.Key}={x.Value}"))];
            // CRIU calls iptables, ip and the like in places; a ROS environment's libraries are not for it.
            environment.RemoveAll(x => x.StartsWith("LD_", StringComparison.Ordinal));
            var pid = Capabilities.Spawn(() => Posix.Spawn(
                program, [.. arguments.Select(CriuCommand.Native)], environment, "/",
                [(nothing, 0), (nothing, 1), (nothing, 2), .. inherited.Distinct().Select(x => (x, x))], newSession: true));
            // A process stands still meanwhile. It gets its own niceness back, which is in the image.
            Posix.TrySetNice(pid, Nice);
            var isOverdue = AwaitEnd(pid, limit, isFutile, isStopping);
            var status = Posix.WaitFor(pid);
            return new CriuEnd((status & 0x7f) == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f), isOverdue);
        }
        finally
        {
            Posix.Close(nothing);
        }
    }

    /// <summary>True: it was killed at its limit.</summary>
    private static bool AwaitEnd(int pid, TimeSpan limit, Func<bool> isFutile, Func<bool> isStopping)
    {
        var pidfd = Posix.OpenPidfd(pid);
        var begun = Clock.Steady;
        var futileSince = long.MaxValue;
        Span<bool> ended = [false];
        try
        {
            while (!(pidfd >= 0 ? Posix.Poll([pidfd], ended, LookEvery) : HasEndedMeanwhile(pid)))
            {
                if (isStopping())
                {
                    throw new OperationCanceledException("the master stops");
                }
                futileSince = !isFutile() ? long.MaxValue : Math.Min(futileSince, Clock.Steady);
                var isOverdue = Clock.Steady - begun > (long)(limit.TotalSeconds * Clock.Second);
                if (isOverdue || Clock.Steady - futileSince > FutilePatience)
                {
                    // The caller collects CRIU itself.
                    ProcessTree.Collect(ProcessTree.Kill(pid).Where(x => x != pid), s_endPatience);
                    return isOverdue;
                }
            }
            return false;
        }
        finally
        {
            if (pidfd >= 0)
            {
                Posix.Close(pidfd);
            }
        }
    }

    /// <summary>Without a descriptor, when there are too many.</summary>
    private static bool HasEndedMeanwhile(int pid)
    {
        Thread.Sleep(LookEvery);
        return ProcessProbe.HasEnded(pid);
    }
}
