using System.Runtime.InteropServices;
using System.Text;

namespace RmwCkpt.Client;

/// <summary>std_msgs/msg/Bool.</summary>
public readonly record struct BoolMessage(bool Data) : IMessage<BoolMessage>
{
    public static MessageType Type { get; } = new("std_msgs/msg/Bool", "data", 15);

    public int Size => 1;

    public void Write(Span<byte> body) => body[0] = Data ? (byte)1 : (byte)0;

    public static BoolMessage Read(ReadOnlySpan<byte> body) => new(Plain.Read<byte>(body) != 0);
}

/// <summary>std_msgs/msg/Byte.</summary>
public readonly record struct ByteMessage(byte Data) : IMessage<ByteMessage>
{
    public static MessageType Type { get; } = new("std_msgs/msg/Byte", "data", 16);

    public int Size => Plain.Size<byte>();

    public void Write(Span<byte> body) => MemoryMarshal.Write(body, Data);

    public static ByteMessage Read(ReadOnlySpan<byte> body) => new(Plain.Read<byte>(body));
}

/// <summary>std_msgs/msg/Char.</summary>
public readonly record struct CharMessage(byte Data) : IMessage<CharMessage>
{
    public static MessageType Type { get; } = new("std_msgs/msg/Char", "data", 3);

    public int Size => Plain.Size<byte>();

    public void Write(Span<byte> body) => MemoryMarshal.Write(body, Data);

    public static CharMessage Read(ReadOnlySpan<byte> body) => new(Plain.Read<byte>(body));
}

/// <summary>std_msgs/msg/Int8.</summary>
public readonly record struct Int8Message(sbyte Data) : IMessage<Int8Message>
{
    public static MessageType Type { get; } = new("std_msgs/msg/Int8", "data", 2);

    public int Size => Plain.Size<sbyte>();

    public void Write(Span<byte> body) => MemoryMarshal.Write(body, Data);

    public static Int8Message Read(ReadOnlySpan<byte> body) => new(Plain.Read<sbyte>(body));
}

/// <summary>std_msgs/msg/UInt8.</summary>
public readonly record struct UInt8Message(byte Data) : IMessage<UInt8Message>
{
    public static MessageType Type { get; } = new("std_msgs/msg/UInt8", "data", 3);

    public int Size => Plain.Size<byte>();

    public void Write(Span<byte> body) => MemoryMarshal.Write(body, Data);

    public static UInt8Message Read(ReadOnlySpan<byte> body) => new(Plain.Read<byte>(body));
}

/// <summary>std_msgs/msg/Int16.</summary>
public readonly record struct Int16Message(short Data) : IMessage<Int16Message>
{
    public static MessageType Type { get; } = new("std_msgs/msg/Int16", "data", 4);

    public int Size => Plain.Size<short>();

    public void Write(Span<byte> body) => MemoryMarshal.Write(body, Data);

    public static Int16Message Read(ReadOnlySpan<byte> body) => new(Plain.Read<short>(body));
}

/// <summary>std_msgs/msg/UInt16.</summary>
public readonly record struct UInt16Message(ushort Data) : IMessage<UInt16Message>
{
    public static MessageType Type { get; } = new("std_msgs/msg/UInt16", "data", 5);

    public int Size => Plain.Size<ushort>();

    public void Write(Span<byte> body) => MemoryMarshal.Write(body, Data);

    public static UInt16Message Read(ReadOnlySpan<byte> body) => new(Plain.Read<ushort>(body));
}

/// <summary>std_msgs/msg/Int32.</summary>
public readonly record struct Int32Message(int Data) : IMessage<Int32Message>
{
    public static MessageType Type { get; } = new("std_msgs/msg/Int32", "data", 6);

    public int Size => Plain.Size<int>();

    public void Write(Span<byte> body) => MemoryMarshal.Write(body, Data);

    public static Int32Message Read(ReadOnlySpan<byte> body) => new(Plain.Read<int>(body));
}

/// <summary>std_msgs/msg/UInt32.</summary>
public readonly record struct UInt32Message(uint Data) : IMessage<UInt32Message>
{
    public static MessageType Type { get; } = new("std_msgs/msg/UInt32", "data", 7);

    public int Size => Plain.Size<uint>();

    public void Write(Span<byte> body) => MemoryMarshal.Write(body, Data);

    public static UInt32Message Read(ReadOnlySpan<byte> body) => new(Plain.Read<uint>(body));
}

/// <summary>std_msgs/msg/Int64.</summary>
public readonly record struct Int64Message(long Data) : IMessage<Int64Message>
{
    public static MessageType Type { get; } = new("std_msgs/msg/Int64", "data", 8);

    public int Size => Plain.Size<long>();

    public void Write(Span<byte> body) => MemoryMarshal.Write(body, Data);

    public static Int64Message Read(ReadOnlySpan<byte> body) => new(Plain.Read<long>(body));
}

/// <summary>std_msgs/msg/UInt64.</summary>
public readonly record struct UInt64Message(ulong Data) : IMessage<UInt64Message>
{
    public static MessageType Type { get; } = new("std_msgs/msg/UInt64", "data", 9);

    public int Size => Plain.Size<ulong>();

    public void Write(Span<byte> body) => MemoryMarshal.Write(body, Data);

    public static UInt64Message Read(ReadOnlySpan<byte> body) => new(Plain.Read<ulong>(body));
}

/// <summary>std_msgs/msg/Float32.</summary>
public readonly record struct Float32Message(float Data) : IMessage<Float32Message>
{
    public static MessageType Type { get; } = new("std_msgs/msg/Float32", "data", 10);

    public int Size => Plain.Size<float>();

    public void Write(Span<byte> body) => MemoryMarshal.Write(body, Data);

    public static Float32Message Read(ReadOnlySpan<byte> body) => new(Plain.Read<float>(body));
}

/// <summary>std_msgs/msg/Float64.</summary>
public readonly record struct Float64Message(double Data) : IMessage<Float64Message>
{
    public static MessageType Type { get; } = new("std_msgs/msg/Float64", "data", 11);

    public int Size => Plain.Size<double>();

    public void Write(Span<byte> body) => MemoryMarshal.Write(body, Data);

    public static Float64Message Read(ReadOnlySpan<byte> body) => new(Plain.Read<double>(body));
}

/// <summary>std_msgs/msg/Empty: one dummy byte on the wire.</summary>
public readonly record struct EmptyMessage : IMessage<EmptyMessage>
{
    public static MessageType Type { get; } = new("std_msgs/msg/Empty", "structure_needs_at_least_one_member", 3);

    public int Size => 1;

    public void Write(Span<byte> body) => body[0] = 0;

    public static EmptyMessage Read(ReadOnlySpan<byte> body) => default;
}

/// <summary>std_msgs/msg/String: length with its NUL, UTF-8, NUL.</summary>
public readonly record struct StringMessage(string Data) : IMessage<StringMessage>
{
    public static MessageType Type { get; } = new("std_msgs/msg/String", "data", 17);

    public int Size => 4 + Encoding.UTF8.GetByteCount(Data) + 1;

    public void Write(Span<byte> body)
    {
        var length = Encoding.UTF8.GetBytes(Data, body[4..]);
        MemoryMarshal.Write(body, length + 1);
        body[4 + length] = 0;
    }

    public static StringMessage Read(ReadOnlySpan<byte> body)
    {
        var length = Plain.Read<int>(body);
        return length > 0 && length <= body.Length - 4
            ? new StringMessage(Encoding.UTF8.GetString(body.Slice(4, length - 1)))
            : throw new InvalidDataException($"a string of {length} bytes in {body.Length}");
    }
}
