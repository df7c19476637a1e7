using System.Buffers.Binary;

namespace RmwCkpt.Domain;

public enum Reliability : byte
{
    Reliable = 1,
    BestEffort = 2,
}

public enum Durability : byte
{
    TransientLocal = 1,
    Volatile = 2,
}

public enum History : byte
{
    KeepLast = 1,
    KeepAll = 2,
}

public enum Liveliness : byte
{
    Automatic = 1,
    ManualByTopic = 2,
}

/// <summary>Which policy keeps two endpoints from matching; the values of CKPT_POLICY_*.</summary>
public enum QosPolicy
{
    None = 0,
    Durability = 1,
    Deadline = 2,
    Liveliness = 3,
    Reliability = 4,
}

/// <summary>
/// Quality of service in concrete values; ckpt_qos. 32 bytes: reliability, durability, history, liveliness (u8 each),
/// depth u32, deadline, lifespan, lease (i64 ns; <see cref="Infinite"/> = none).
/// </summary>
public readonly record struct Qos(
    Reliability Reliability, Durability Durability, History History, Liveliness Liveliness, uint Depth,
    long Deadline, long Lifespan, long Lease)
{
    public const int Size = 32;
    public const long Infinite = long.MaxValue;

    /// <summary>rmw_qos_profile_default: reliable, volatile, keep last 10.</summary>
    public static Qos Default { get; } = new(
        Reliability.Reliable, Durability.Volatile, History.KeepLast, Liveliness.Automatic, 10, Infinite, Infinite, Infinite);

    public static Qos Read(ReadOnlySpan<byte> bytes) => new(
        (Reliability)bytes[0], (Durability)bytes[1], (History)bytes[2], (Liveliness)bytes[3],
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
        BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]),
        BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
        BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]));

    public void Write(Span<byte> bytes)
    {
        bytes[0] = (byte)Reliability;
        bytes[1] = (byte)Durability;
        bytes[2] = (byte)History;
        bytes[3] = (byte)Liveliness;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], Depth);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], Deadline);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], Lifespan);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[24..], Lease);
    }

    /// <summary>Whether every value is one of its enumeration and depth fits the history.</summary>
    public bool IsValid =>
        Reliability is Reliability.Reliable or Reliability.BestEffort
        && Durability is Durability.TransientLocal or Durability.Volatile
        && History is History.KeepLast or History.KeepAll
        && Liveliness is Liveliness.Automatic or Liveliness.ManualByTopic
        && (History == History.KeepAll || Depth > 0);

    /// <summary>Whether a reader and a writer that both say so want nothing to be missed, be it that the writer is refused.</summary>
    public bool KeepsAll => History == History.KeepAll && Reliability == Reliability.Reliable;

    /// <summary>
    /// The first policy in which what a writer offers is less than what a reader requests, by DDS 1.4, 2.2.3
    /// (request/offered); <see cref="QosPolicy.None"/> when they match.
    /// </summary>
    public static QosPolicy Mismatch(in Qos offered, in Qos requested)
    {
        if (offered.Reliability == Reliability.BestEffort && requested.Reliability == Reliability.Reliable)
        {
            return QosPolicy.Reliability;
        }
        if (offered.Durability == Durability.Volatile && requested.Durability == Durability.TransientLocal)
        {
            return QosPolicy.Durability;
        }
        if (offered.Deadline > requested.Deadline)
        {
            return QosPolicy.Deadline;
        }
        if ((offered.Liveliness == Liveliness.Automatic && requested.Liveliness == Liveliness.ManualByTopic)
            || offered.Lease > requested.Lease)
        {
            return QosPolicy.Liveliness;
        }
        return QosPolicy.None;
    }
}
