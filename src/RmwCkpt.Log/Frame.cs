using System.Runtime.CompilerServices;
using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>
/// One record of a log. Frames start at multiples of 32 bytes, so that a padding frame always fits at a segment's end.
/// <code>
///   0 i32 Length       head and payload, bytes; 0: nothing yet; negative: being written (its absolute value is the claim)
///   4 u8  Kind         1 data, 2 padding (the log goes on in the next segment), 3 lent: the payload is a LoanReference
///   5 u8  Flags        1: written while its process recovered; a living reader must not drop it for being late
///   6 u16 (zero)
///   8 u32 Incarnation  the writer's incarnation
///  12 u32 Crc          CRC32C of bytes 16 .. Length, xor that of 4 .. 12
///  16 i64 Sequence     from 1, without gaps, over all incarnations of the writer
///  24 i64 Time         ns since the epoch, ROS time of the writer
///  32 i64 Cause        what it answers, see <see cref="Origin"/>
///  40 u32 Role         which thread said it. So what follows the first 4 bytes of the payload is aligned to 8: CDR's body,
///                      which can then be read where it is
///  44     payload
/// </code>
/// The claim, the payload, then Length by a release store: a reader that sees a positive length sees the whole frame
/// (as in Aeron's term buffers).
/// </summary>
public static class Frame
{
    public const int HeadSize = 44;
    public const int Alignment = 32;
    public const int MaxPayload = int.MaxValue - (64 * 1024);

    public const int Length = 0;
    public const int Kind = 4;
    public const int Flags = 5;
    public const int Incarnation = 8;
    public const int Crc = 12;
    public const int Sequence = 16;
    public const int Time = 24;
    public const int Cause = 32;
    public const int Role = 40;

    public const byte Data = 1;
    public const byte Padding = 2;
    public const byte Lent = 3;
    public const byte Recovered = 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Align(int length) => (length + Alignment - 1) & ~(Alignment - 1);

    /// <summary>CRC32C over what the CRC covers of a frame of <paramref name="length"/> bytes.</summary>
    public static uint ComputeCrc(Region segment, int offset, int length) =>
        segment.Crc32C(offset + Sequence, length - Sequence) ^ segment.Crc32C(offset + Kind, Crc - Kind);

    /// <summary>Whether a committed length can be one: within the segment, not less than a head. (Padding needs no whole one.)</summary>
    public static bool IsPlausible(Region segment, int offset, int length) =>
        length >= (segment.ReadByte(offset + Kind) == Padding ? Alignment : HeadSize) && length <= segment.Length - offset;
}
