using System.Buffers.Binary;
using System.Text;

namespace RmwCkpt.Cli.Export;

/// <summary>Bytes of MCAP records as they are made; grows, and is used again after <see cref="Clear"/>.</summary>
internal sealed class RecordBuffer
{
    private byte[] _bytes = new byte[4096];

    public int Length { get; private set; }

    public int Capacity => _bytes.Length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public void Clear() => Length = 0;

    public void Write(byte value) => Take(1)[0] = value;

    public void Write(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(2), value);

    public void Write(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);

    public void Write(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);

    public void Write(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    public void Write(string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        Write((uint)length);
        Encoding.UTF8.GetBytes(text, Take(length));
    }

    public void Write(IReadOnlyCollection<KeyValuePair<string, string>> map)
    {
        var start = BeginList();
        foreach (var (key, value) in map)
        {
            Write(key);
            Write(value);
        }
        EndList(start);
    }

    /// <summary>Begins a record; its fields are written next, then <see cref="End"/> is told what this returned.</summary>
    public int Begin(byte op)
    {
        Write(op);
        Write(0ul);
        return Length;
    }

    public void End(int start) => BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(start - 8), (ulong)(Length - start));

    /// <summary>As <see cref="Begin"/>, for an array or a map.</summary>
    public int BeginList()
    {
        Write(0u);
        return Length;
    }

    public void EndList(int start) => BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(start - 4), (uint)(Length - start));

    private Span<byte> Take(int count)
    {
        var end = checked(Length + count);
        if (end > _bytes.Length)
        {
            Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max(end, 2L * _bytes.Length)));
        }
        var taken = _bytes.AsSpan(Length, count);
        Length = end;
        return taken;
    }
}
