namespace RmwCkpt.Middleware.Replay;

/// <summary>How far a process' journal has been done again. All transitions are <see cref="ReplayJournal"/>'s.</summary>
public enum ReplayPhase
{
    /// <summary>It writes the journal.</summary>
    Live,

    /// <summary>Takes and waits of a former life are left.</summary>
    Replay,

    /// <summary>None are left, but threads are about to read what they read of clocks and the like.</summary>
    Draining,
}
