namespace RmwCkpt.Master.Processes;

/// <summary>What a process is that joins.</summary>
internal enum Newcomer
{
    /// <summary>A node of its own.</summary>
    Node,

    /// <summary>It was started in place of one that the master brings back: it is to stand in for that one.</summary>
    StandIn,

    /// <summary>The end of one like it has not been looked at yet: soon it will be known.</summary>
    AskAgain,
}

/// <summary>
/// Whether a process that joins was started in place of one that the master brings back, or has brought back: launchers start
/// again what has died, and there must never be two of it. Pure functions.
/// </summary>
internal static class StandIns
{
    /// <summary>A process, seen from one that joins.</summary>
    /// <param name="IsSameCommand">The one that joins was started by its command.</param>
    /// <param name="HasKeeper">Another one stands in for it already: two equal commands that both live are two nodes.</param>
    /// <param name="HasEndedUndecided">It is dead, and what that means is not decided yet.</param>
    /// <param name="IsComingBack">It died, and is not live yet.</param>
    /// <param name="WasBroughtBack">Who started it has seen it die.</param>
    /// <param name="IsSameLauncher">The same has started the one that joins.</param>
    /// <param name="IsKilled">It stays down until it is restarted with all others.</param>
    /// <param name="IsRespawn">A program that had started it has started the one that joins, and nobody who typed it.</param>
    public readonly record struct Former(
        bool IsSameCommand, bool HasKeeper, bool HasEndedUndecided, bool IsComingBack, bool WasBroughtBack, bool IsSameLauncher,
        bool IsKilled = false, bool IsRespawn = false);

    public static Newcomer Judge(in Former former) =>
        !former.IsSameCommand || former.HasKeeper ? Newcomer.Node
        : former.IsKilled ? former.IsRespawn ? Newcomer.StandIn : Newcomer.Node
        : former.IsComingBack ? Newcomer.StandIn
        : former.HasEndedUndecided ? Newcomer.AskAgain
        : former.WasBroughtBack && former.IsSameLauncher ? Newcomer.StandIn
        : Newcomer.Node;
}
