using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace RmwCkpt.Cli.Journals;

/// <summary>Reads values out of a message's CDR (XCDR1, little-endian), which begins after its first four bytes.</summary>
internal ref struct CdrReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Position { get; private set; }

    public readonly int Left => Math.Max(0, _bytes.Length - Position);

    /// <summary>How deep the message is that is being read.</summary>
    public int Nested { get; set; }

    /// <exception cref="EndOfStreamException">There is no more; so of the others.</exception>
    public T Take<T>()
        where T : unmanaged
    {
        var size = Unsafe.SizeOf<T>();
        Position = (Position + size - 1) & ~(size - 1);
        if (Position + size > _bytes.Length)
        {
            throw new EndOfStreamException("the message ends too early");
        }
        var value = MemoryMarshal.Read<T>(_bytes[Position..]);
        Position += size;
        return value;
    }

    public string TakeString()
    {
        var length = Take<uint>();
        if (length > _bytes.Length - Position)
        {
            throw new EndOfStreamException($"a string of {length} bytes");
        }
        var text = length == 0 ? "" : Encoding.UTF8.GetString(_bytes.Slice(Position, (int)length - 1));
        Position += (int)length;
        return text;
    }

    public string TakeWideString()
    {
        var length = Take<uint>();
        var text = new StringBuilder();
        for (uint i = 0; i < length; i++)
        {
            text.Append((char)Take<uint>());
        }
        return text.ToString();
    }
}
