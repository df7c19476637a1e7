using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace RmwCkpt.Client;

/// <summary>Plain CDR (XCDR1), little-endian, as ROS 2 has it: a head of 4 bytes, then the members, each aligned.</summary>
public static class Cdr
{
    public const int HeadSize = 4;

    public static void WriteHead(Span<byte> payload) => BinaryPrimitives.WriteUInt32BigEndian(payload, 0x0001_0000);

    /// <exception cref="InvalidDataException">The head is not that of little-endian plain CDR.</exception>
    public static ReadOnlySpan<byte> Body(ReadOnlySpan<byte> payload) =>
        payload.Length >= HeadSize && payload[0] == 0 && payload[1] == 1
            ? payload[HeadSize..]
            : throw new InvalidDataException($"{payload.Length} bytes that are no little-endian CDR");
}

/// <summary>A message type: ROS name, RIHS01 hash (33 bytes), type description as JSON.</summary>
public sealed class MessageType
{
    /// <summary>A type of one field, with the hash as rosidl computes it: SHA-256 over the description's JSON (REP 2016).</summary>
    public MessageType(string name, string field, int typeId)
    {
        Name = name;
        var type = $"{{\"type_id\": {typeId}, \"capacity\": 0, \"string_capacity\": 0, \"nested_type_name\": \"\"}}";
        Description =
            $"{{\"type_description\": {{\"type_name\": \"{name}\", \"fields\": [{{\"name\": \"{field}\", \"type\": {type}}}]}}, "
            + "\"referenced_type_descriptions\": []}";
        Hash = [1, .. SHA256.HashData(Encoding.UTF8.GetBytes(Description))];
    }

    public string Name { get; }

    public byte[] Hash { get; }

    public string Description { get; }
}

/// <summary>A message that knows its CDR.</summary>
public interface IMessage<TSelf>
    where TSelf : IMessage<TSelf>
{
    static abstract MessageType Type { get; }

    /// <summary>Bytes of the body, without the head.</summary>
    int Size { get; }

    void Write(Span<byte> body);

    /// <exception cref="InvalidDataException">The bytes are not this type's.</exception>
    static abstract TSelf Read(ReadOnlySpan<byte> body);
}

/// <summary>The plain messages of std_msgs that hold one number: a name and a type id for each.</summary>
internal static class Plain
{
    public static int Size<T>()
        where T : unmanaged => Unsafe.SizeOf<T>();

    public static T Read<T>(ReadOnlySpan<byte> body)
        where T : unmanaged =>
        MemoryMarshal.TryRead<T>(body, out var value) ? value : throw new InvalidDataException($"{body.Length} bytes are too few");
}
