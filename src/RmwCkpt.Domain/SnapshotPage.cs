using System.Text;
using RmwCkpt.Memory;

namespace RmwCkpt.Domain;

/// <summary>
/// A file that a process with engine fork, its sleeping children and its master have mapped: by it snapshots and revivals are
/// ordered and answered. rmw_ckpt/src/snapshots.cpp and rmw_ckpt/snapshot/snapshot.hpp have the same.
/// <code>
///   0 i32 Latest       the newest snapshot: older ones end                        the process
///   4 i32 Order        futex, counts: the newest is to become the process         the master
///   8 i32 Obeyed       the last order that the child has obeyed                   the child
///  12 i32 Revived      as whom; a negative error: it could not                    the child
///  16 i32 Over         1: the child ends                                          both
///  20 char[196] Why    what a revival failed for                                  the revived process
/// 216 i32 Begun        counts snapshots, also those that came to nothing          the process
/// 220 i32 Ask          futex, counts: a snapshot is to be taken                   the master
/// 224 i32 Answered     futex: the last that was taken or refused                  the process, from here on
/// 228 i32 Outcome      SnapshotOutcomes
/// 232 i32 Cancelled    this Ask is not waited for any more                         the master
/// 240 i64 Frozen       how long the process stood still, ns
/// 248 u64 Child        the sleeping child: the low half of its start time, as of /proc, shifted by 32, and its process id
/// 256 char[200] Refusal
/// 456 char[2][64]      where descriptors 1 and 2 lead in the next incarnation: below the run folder; empty: as they were   the master
/// </code>
/// </summary>
public static class SnapshotPage
{
    public const int FileSize = 4096;

    public const int Order = 4;
    public const int Obeyed = 8;
    public const int Revived = 12;
    public const int Over = 16;
    public const int Why = 20;
    public const int Ask = 220;
    public const int Answered = 224;
    public const int Outcome = 228;
    public const int Cancelled = 232;
    public const int Frozen = 240;
    public const int Child = 248;
    public const int Refusal = 256;
    public const int Outputs = 456;

    public const int OutputSize = 64;
    private const int TextSize = 196;

    /// <summary>The child is of no use any more, and ends.</summary>
    public static void End(Region page)
    {
        page.Release(Over, 1);
        Futex.WakeAll(page, Order);
    }

    public static string Text(Region page, int offset)
    {
        var bytes = page.Span(offset, TextSize);
        var end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    /// <summary>Where a descriptor leads in the next incarnation.</summary>
    /// <param name="path">Below the run folder; empty: as it is.</param>
    public static void Lead(Region page, int number, string path)
    {
        var bytes = page.Span(Outputs + ((number - 1) * OutputSize), OutputSize);
        bytes.Clear();
        Encoding.ASCII.GetBytes(path, bytes[..^1]);
    }
}

/// <summary>How a snapshot by fork went.</summary>
public enum SnapshotOutcomes
{
    Taken = 0,
    Refused = 1,

    /// <summary>What is in the way may go by itself.</summary>
    RefusedForNow = 2,
}
