using RmwCkpt.Memory;

namespace RmwCkpt.Domain;

/// <summary>
/// One row of the graph table.
/// <code>
///   0 u32 Stamp (odd while written)   4 u32 State (1 live, 0 free)   8 u64 Version   16 u8 Kind   17 u8 Flags (1: has hash)
///  20 u32 Process (slot)   24 u32 Node (entity)   28 u32 Entity   32 Gid[16]   48 Qos[32]   80 TypeHash[40]
/// 120 i64 Created   128 Name[256]   384 Type[256] (node: namespace)   640 Enclave[384]
/// </code>
/// </summary>
public static class GraphRow
{
    public const int Stamp = 0;
    public const int State = 4;
    public const int Version = 8;
    public const int Kind = 16;
    public const int Flags = 17;
    public const int Process = 20;
    public const int Node = 24;
    public const int Entity = 28;
    public const int GidBytes = 32;
    public const int QosBytes = 48;
    public const int TypeHash = 80;
    public const int Created = 120;
    public const int Name = 128;
    public const int Type = 384;
    public const int Enclave = 640;
    public const int NameSize = 256;
    public const int EnclaveSize = 384;
    public const int TypeHashSize = 33;
    public const byte HasTypeHash = 1;

    /// <summary>Looks at a row that is being written before it counts as none: its writer may have died half-way.</summary>
    public const int MostAttempts = 100;

    /// <summary>
    /// Copies a row that is live and not being written to <paramref name="copy"/> (1024 bytes). False when it is free or
    /// does not hold still: the writer may have died half-way, and the next master mends it.
    /// </summary>
    public static bool TryCopy(Region row, Span<byte> copy)
    {
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var before = row.AcquireUInt32(Stamp);
            if (row.AcquireUInt32(State) == 0 && (before & 1) == 0)
            {
                return false;
            }
            row.Span(0, GraphTable.RowSize).CopyTo(copy);
            Volatile.ReadBarrier();
            if ((before & 1) == 0 && row.AcquireUInt32(Stamp) == before)
            {
                return true;
            }
        }
        return false;
    }
}
