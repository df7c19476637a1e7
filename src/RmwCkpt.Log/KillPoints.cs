using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>Places at which a test may have the process killed.</summary>
public enum KillPoint
{
    AfterReserve,
    MidCopy,
    BeforeCommit,
    AfterCommit,
    BeforeTakeRecord,
    AfterTakeRecord,
    SegmentRoll,
    JournalRoll,
    ReplayStart,
    ReplayMiddle,
    ReplayEnd,
}

/// <summary>
/// Named kill points for recovery tests. Off unless RMW_CKPT_KILL_FOLDER names a folder; then a process that reaches a
/// point whose name is a file there removes the file and kills itself with SIGKILL. The file is the one-shot token: a
/// restored process, which has the same memory, does not die of it again.
/// </summary>
public static class KillPoints
{
    private static string[]? s_tokens;

    /// <summary>Called once, before any thread of the core runs.</summary>
    /// <param name="folder">What RMW_CKPT_KILL_FOLDER names; null: nothing.</param>
    public static void Initialize(string? folder)
    {
        s_tokens = folder is null
            ? null
            : Array.ConvertAll(Enum.GetNames<KillPoint>(), name => Path.Combine(folder, name));
    }

    public static bool Enabled => s_tokens is not null;

    public static void Hit(KillPoint point)
    {
        if (s_tokens is not null && Posix.Unlink(s_tokens[(int)point]))
        {
            Posix.KillSelf();
        }
    }
}
