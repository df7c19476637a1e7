using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Recovery;

/// <summary>How long those who listen to a process waited for it when it had died. Times are of the monotonic clock, ns.</summary>
internal static class Silence
{
    /// <summary>Who says nothing for so long after it is live had nothing to say, ns.</summary>
    public const long NothingToSay = 10 * Clock.Second;

    /// <summary>
    /// From the death to its first new message; to when it was live again, if it has said nothing since, or not soon. 0: it is not live
    /// again.
    /// </summary>
    public static long Of(long diedAt, long liveAt, long saidAt) =>
        liveAt <= diedAt ? 0
        : saidAt > diedAt && saidAt < liveAt + NothingToSay ? saidAt - diedAt
        : liveAt - diedAt;

    /// <summary>Of a process that is live again since so long after its death.</summary>
    public static long Of(Member member, long caughtUp) =>
        caughtUp == 0 ? 0 : Of(member.LiveAt - caughtUp, member.LiveAt, member.SaidAt);
}
