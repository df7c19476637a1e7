using RmwCkpt.Memory;

namespace RmwCkpt.Domain;

/// <summary>
/// What all processes of a domain may keep in memory together: logs, journals, images. Slot 0 of the process table, which
/// stands for the domain, has it where other slots have what their process says; the master writes it.
/// <code>
///   64 i64 Budget       bytes; fixed by who makes the domain (RMW_CKPT_MEMORY). 0: not yet
///   72 i64 Used         bytes, when the master last looked
///   80 i64 Share        bytes that a log or journal may keep. 0: not yet
///   88 i64 NeededSince  of frames from then on, ns since the epoch, some snapshot may have to be followed
///   96 u32 Trims        counts: some log or journal keeps more than Share
///  104 i64 Grown        bytes by which logs and journals have grown; their writers count them
///  112 i64 MostGrown    what Grown may come to until the master looks again. 0: not yet
/// </code>
/// </summary>
public readonly struct DomainMemory(Region domain)
{
    public const int BudgetAt = 64;
    public const int UsedAt = 72;
    public const int ShareAt = 80;
    public const int NeededSinceAt = 88;
    public const int TrimsAt = 96;
    public const int GrownAt = 104;
    public const int MostGrownAt = 112;

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

    public long Grown => domain.AcquireInt64(GrownAt);

    /// <summary>Whether there are more bytes than there may be: who has many gives some back.</summary>
    public bool IsOverdrawn => Grown > MostGrown;

    /// <summary>The largest number where nobody has looked yet.</summary>
    public long MostGrown
    {
        get => domain.AcquireInt64(MostGrownAt) is not 0 and var most ? most : long.MaxValue;
        set => domain.Release(MostGrownAt, value == 0 ? -1 : value);
    }

    /// <summary>
    /// Counts that a log or journal has become so much larger, or smaller: also where that is more than there may be, as of one
    /// that begins.
    /// </summary>
    public void Count(long bytes) => domain.Add(GrownAt, bytes);

    /// <summary>Counts it if there may be as much. Who is killed before he makes use of it has it until the master looks again.</summary>
    public bool TryGrow(long bytes)
    {
        if (domain.Add(GrownAt, bytes) <= MostGrown)
        {
            return true;
        }
        domain.Add(GrownAt, -bytes);
        return false;
    }
}
