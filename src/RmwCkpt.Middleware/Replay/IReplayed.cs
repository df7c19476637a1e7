using RmwCkpt.Domain;

namespace RmwCkpt.Middleware.Replay;

/// <summary>What a replay does to the rest of the session.</summary>
internal interface IReplayed
{
    /// <summary>The former life's endpoint began to read a log here. False: there is no such endpoint yet.</summary>
    bool ReplayMatch(uint entity, Gid log, long first);

    /// <summary>The journal is at its end: live from here.</summary>
    void ReplayEnded();

    /// <summary>A freeze has left time to catch up with.</summary>
    void FellBehind();

    /// <summary>Whether this is a guard condition that is triggered.</summary>
    bool IsTriggered(uint id);

    /// <summary>Whether this is a guard condition that the program itself triggers, and has not.</summary>
    bool AwaitsTrigger(uint id);
}
