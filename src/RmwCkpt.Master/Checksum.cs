using System.Buffers.Binary;
using System.Numerics;

namespace RmwCkpt.Master;

/// <summary>CRC32C (Castagnoli), seeded and finished with all ones; in pieces by way of <see cref="Add"/>.</summary>
public static class Checksum
{
    public const uint Seed = ~0u;

    public static uint Of(ReadOnlySpan<byte> bytes) => ~Add(Seed, bytes);

    /// <summary>Goes on with a sum begun at <see cref="Seed"/>; the result is the complement of the last.</summary>
    public static uint Add(uint crc, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }
        foreach (var b in bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }
        return crc;
    }
}
