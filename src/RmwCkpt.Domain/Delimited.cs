using Google.Protobuf;

namespace RmwCkpt.Domain;

/// <summary>
/// The framing of the registry's protocol: each message with its length before it, a varint of at most 31 bits (as
/// protobuf's writeDelimitedTo has it).
/// </summary>
public static class Delimited
{
    /// <summary>A message, framed.</summary>
    public static byte[] ToBytes(IMessage message)
    {
        var bytes = new byte[CodedOutputStream.ComputeMessageSize(message)];
        using var output = new CodedOutputStream(bytes);
        output.WriteMessage(message);
        return bytes;
    }
}

/// <summary>
/// Takes one end of a stream apart into messages, as its bytes come. Not thread-safe.
/// </summary>
/// <param name="largest">Bytes that a message may have.</param>
public sealed class DelimitedReader(int largest)
{
    private const int LargestPrefix = 5;

    private byte[] _buffer = new byte[512];
    private int _filled;

    /// <summary>Where the next bytes are to be put; then say to <see cref="Add"/> how many they are.</summary>
    public Memory<byte> Free => _buffer.AsMemory(_filled);

    /// <summary>Nothing of a message is here.</summary>
    public bool IsEmpty => _filled == 0;

    public void Add(int count) => _filled += count;

    /// <summary>Takes the message at the start. False: it is not all there; there is room for more of it.</summary>
    /// <exception cref="InvalidDataException">It is none, or too long.</exception>
    /// <exception cref="InvalidProtocolBufferException">It is none.</exception>
    public bool TryTake<T>(MessageParser<T> parser, out T? message)
        where T : IMessage<T>
    {
        message = default;
        var (length, prefix) = ReadPrefix(_buffer.AsSpan(0, _filled));
        if (length > largest)
        {
            throw new InvalidDataException($"it announces {length} bytes");
        }
        if (prefix == 0 || _filled < prefix + length)
        {
            if (_buffer.Length < prefix + length)
            {
                Array.Resize(ref _buffer, prefix + length);
            }
            return false;
        }
        message = parser.ParseFrom(_buffer, prefix, length);
        _filled -= prefix + length;
        _buffer.AsSpan(prefix + length, _filled).CopyTo(_buffer);
        return true;
    }

    /// <summary>How long the message at the start is, and how many bytes say so (0: they are not all there).</summary>
    /// <exception cref="InvalidDataException">It is no length.</exception>
    private static (int Length, int Prefix) ReadPrefix(ReadOnlySpan<byte> bytes)
    {
        var value = 0u;
        for (var i = 0; i < Math.Min(bytes.Length, LargestPrefix); i++)
        {
            value |= (uint)(bytes[i] & 0x7f) << (7 * i);
            if ((bytes[i] & 0x80) == 0)
            {
                return value <= int.MaxValue ? ((int)value, i + 1) : throw new InvalidDataException("its length is negative");
            }
        }
        return bytes.Length < LargestPrefix ? (0, 0) : throw new InvalidDataException("it does not begin with a length");
    }
}
