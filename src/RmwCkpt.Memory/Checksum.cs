using System.Numerics;

namespace RmwCkpt.Memory;

/// <summary>
/// CRC32C (Castagnoli, RFC 3720 B.4), seeded and finished with all ones. The processor's instruction has a latency of three
/// cycles and a throughput of one, so long inputs go in three lanes at once; a CRC is linear, so a lane's result is carried
/// over the bytes after it by four table look-ups.
/// </summary>
internal static unsafe class Checksum
{
    private const int Lane = 1024;
    private static readonly uint[] s_carry = MakeCarry();

    public static uint Crc32C(byte* p, int length)
    {
        var crc = ~0u;
        while (length >= 3 * Lane)
        {
            uint second = 0, third = 0;
            for (var i = 0; i < Lane; i += 8)
            {
                crc = BitOperations.Crc32C(crc, *(ulong*)(p + i));
                second = BitOperations.Crc32C(second, *(ulong*)(p + Lane + i));
                third = BitOperations.Crc32C(third, *(ulong*)(p + (2 * Lane) + i));
            }
            crc = Carry(Carry(crc) ^ second) ^ third;
            p += 3 * Lane;
            length -= 3 * Lane;
        }
        for (; length >= 8; length -= 8, p += 8)
        {
            crc = BitOperations.Crc32C(crc, *(ulong*)p);
        }
        for (; length > 0; length--, p++)
        {
            crc = BitOperations.Crc32C(crc, *p);
        }
        return ~crc;
    }

    /// <summary>The CRC's state after a lane of zeros.</summary>
    private static uint Carry(uint crc)
    {
        fixed (uint* table = s_carry)
        {
            return table[crc & 0xff] ^ table[256 + ((crc >> 8) & 0xff)] ^ table[512 + ((crc >> 16) & 0xff)] ^ table[768 + (crc >> 24)];
        }
    }

    private static uint[] MakeCarry()
    {
        // One state for each bit; every other is a sum of these.
        var bits = new uint[32];
        for (var bit = 0; bit < 32; bit++)
        {
            var crc = 1u << bit;
            for (var i = 0; i < Lane; i += 8)
            {
                crc = BitOperations.Crc32C(crc, 0ul);
            }
            bits[bit] = crc;
        }
        var table = new uint[4 * 256];
        for (var i = 0; i < table.Length; i++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                table[i] ^= (i & (1 << bit)) != 0 ? bits[(i / 256 * 8) + bit] : 0;
            }
        }
        return table;
    }
}
