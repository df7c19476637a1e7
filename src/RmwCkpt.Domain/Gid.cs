using System.Buffers.Binary;

namespace RmwCkpt.Domain;

/// <summary>
/// Names one endpoint for all time: 16 bytes, process id (8), entity (4), domain (4), little-endian.
/// A recovered process has the gids that it had.
/// </summary>
public readonly record struct Gid(ulong Process, uint Entity, uint Domain)
{
    public const int Size = 16;

    public static Gid Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(bytes),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]));

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Process);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], Entity);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[12..], Domain);
    }

    public static bool TryParse(string text, out Gid gid)
    {
        gid = default;
        if (text.Length != 2 * Size)
        {
            return false;
        }
        try
        {
            gid = Read(Convert.FromHexString(text));
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        Write(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}
