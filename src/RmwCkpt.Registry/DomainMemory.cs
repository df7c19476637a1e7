using RmwCkpt.Memory;

namespace RmwCkpt.Registry;

/// <summary>
/// What all processes of a domain may keep in memory together: logs, journals, images. Slot 0 of the process table, which
/// stands for the domain, has it where other slots have what their process says; the master writes it.
/// <code>
///   64 i64 Budget       bytes; fixed by who makes the domain (RMW_CKPT_MEMORY). 0: not yet
///   72 i64 Used         bytes, when the master last looked
///   80 i64 Share        bytes that a log or journal may keep. 0: not yet
///   88 i64 NeededSince  of frames from then on, ns since the epoch, some snapshot may have to be followed
///   96 u32 Trims        counts: some log or journal keeps more than Share
/// </code>
/// </summary>
public readonly struct DomainMemory(Region domain)
{
    public const string Variable = "RMW_CKPT_MEMORY";
    public const int BudgetAt = 64;
    public const int UsedAt = 72;
    public const int ShareAt = 80;
    public const int NeededSinceAt = 88;
    public const int TrimsAt = 96;

    public long Budget
    {
        get => domain.AcquireInt64(BudgetAt);
        set => domain.Release(BudgetAt, value);
    }

    public long Used
    {
        get => domain.AcquireInt64(UsedAt);
        set => domain.Release(UsedAt, value);
    }

    /// <summary>The largest number where nobody has looked yet.</summary>
    public long Share
    {
        get => domain.AcquireInt64(ShareAt) is > 0 and var share ? share : long.MaxValue;
        set => domain.Release(ShareAt, value);
    }

    public long NeededSince
    {
        get => domain.AcquireInt64(NeededSinceAt) is > 0 and var time ? time : long.MaxValue;
        set => domain.Release(NeededSinceAt, value);
    }

    public uint Trims => domain.AcquireUInt32(TrimsAt);

    public void AskToTrim() => domain.Increment(TrimsAt);
}
