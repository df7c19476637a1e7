using RmwCkpt.Memory;

namespace RmwCkpt.Master.Processes;

/// <summary>A process below a node's. The start time, as of /proc, tells it from a later one of its id.</summary>
public sealed record Kin(int Pid, ulong StartTime);

/// <summary>
/// What is left of a dead process' tree: its children live on, in its session, with the ids that its image has for them, and
/// beside those that its next incarnation makes. They are ended before it comes back.
/// </summary>
internal static class ProcessKin
{
    private static readonly TimeSpan s_grace = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan s_endPatience = TimeSpan.FromSeconds(1);
    private static readonly ProcessProbe s_probe = new();

    /// <summary>Those below a living process now that are in its session.</summary>
    public static IReadOnlyList<Kin> Below(int pid) =>
        ProcessProbe.StateOf(pid) is { } self
            ? [.. ProcessProbe.Descendants(pid)
                .Where(x => ProcessProbe.StateOf(x) is { } below && below.Session == self.Session)
                .Select(x => s_probe.StartTime(x) is { } start ? new Kin(x, start) : null).OfType<Kin>()]
            : [];

    /// <summary>
    /// Ends what is left of a dead process' tree in its session: of <paramref name="noted"/>, and of a session that was its
    /// own. Who has made a session of its own is left alone, and so are those for whom <paramref name="isSpared"/> is true
    /// with all below them.
    /// </summary>
    /// <returns>Whom it ended.</returns>
    public static IReadOnlyList<int> EndLeft(int pid, int session, IEnumerable<Kin> noted, Func<int, bool> isSpared)
    {
        var left = noted.Where(IsStill).Select(x => x.Pid).ToHashSet();
        if (session == pid)
        {
            left.UnionWith(InSession(session));
        }
        left.UnionWith(left.SelectMany(ProcessProbe.Descendants).ToList());
        left.ExceptWith([pid, Environment.ProcessId]);
        foreach (var spared in left.Where(isSpared).ToList())
        {
            left.ExceptWith([spared, .. ProcessProbe.Descendants(spared)]);
        }
        left.RemoveWhere(x => ProcessProbe.StateOf(x) is not { } state || state.Session != session);
        if (left.Count == 0)
        {
            return [];
        }
        foreach (var one in left)
        {
            Posix.Kill(one, Posix.SigTerm);
        }
        if (!ProcessTree.AwaitEnds(left, s_grace))
        {
            foreach (var one in left)
            {
                Posix.Kill(one, Posix.SigKill);
            }
            ProcessTree.AwaitEnds(left, s_endPatience);
        }
        return [.. left];
    }

    private static bool IsStill(Kin kin) =>
        s_probe.StartTime(kin.Pid) is { } start && Math.Abs((long)start - (long)kin.StartTime) <= 2;

    private static IEnumerable<int> InSession(int session) =>
        ProcessProbe.All().Where(x => ProcessProbe.StateOf(x) is { } state && state.Session == session);
}
