using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using RmwCkpt.Memory;

namespace RmwCkpt.Cli.Journals;

/// <summary>
/// Reads a message's CDR (XCDR1, either byte order of which only little-endian is written here) by its type description
/// (REP 2016 JSON), and writes it as YAML in one line, as `ros2 topic echo` users know it. Malformed bytes give a message
/// that says where; never an exception to the caller of <see cref="Decode"/>.
/// </summary>
public sealed class MessageDecoder
{
    private const int MaxElementsShown = 16;

    /// <summary>Messages in messages; a description that contains itself has no end.</summary>
    private const int MaxNested = 64;

    private readonly TypeDescription _types;

    internal MessageDecoder(TypeDescription types) => _types = types;

    /// <summary>A decoder from a description file; null when there is none or it is none.</summary>
    public static MessageDecoder? Load(TrustedPath path) =>
        TypeDescription.Load(path) is { } types ? new MessageDecoder(types) : null;

    /// <summary>
    /// The message as text. A service's description has its request and response as the first two fields' types:
    /// <paramref name="member"/> picks one ("request_message", "response_message").
    /// </summary>
    public string Decode(ReadOnlySpan<byte> cdr, string? member = null)
    {
        var type = _types.NameOf(member);
        if (type is null || cdr.Length < 4 || cdr[0] != 0 || cdr[1] != 1)
        {
            return $"({cdr.Length} bytes that are no plain little-endian CDR)";
        }
        var text = new StringBuilder();
        var reader = new Reader(cdr[4..]);
        try
        {
            WriteStruct(ref reader, text, _types[type]);
        }
        catch (Exception e) when (e is EndOfStreamException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            text.Append(CultureInfo.InvariantCulture, $" (malformed at byte {reader.Position}: {e.Message})");
        }
        return text.ToString();
    }

    private void WriteStruct(ref Reader reader, StringBuilder text, JsonElement type)
    {
        var first = true;
        text.Append('{');
        foreach (var field in type.GetProperty("fields").EnumerateArray())
        {
            text.Append(first ? "" : ", ").Append(field.GetProperty("name").GetString()).Append(": ");
            first = false;
            WriteField(ref reader, text, field.GetProperty("type"));
        }
        text.Append('}');
    }

    /// <summary>type_id: the base type, plus 48 for an array, 96 and 144 for bounded and unbounded sequences.</summary>
    private void WriteField(ref Reader reader, StringBuilder text, JsonElement type)
    {
        var id = type.GetProperty("type_id").GetInt32();
        if (id < 48)
        {
            WriteOne(ref reader, text, id, type);
            return;
        }
        var count = id < 96 ? (long)type.GetProperty("capacity").GetUInt64() : reader.Take<uint>();
        // Each element has a byte at least.
        if (count > reader.Left)
        {
            throw new EndOfStreamException($"a sequence of {count} elements");
        }
        text.Append('[');
        for (long i = 0; i < count; i++)
        {
            var into = i < MaxElementsShown ? text : new StringBuilder();
            into.Append(i == 0 ? "" : ", ");
            WriteOne(ref reader, into, id % 48, type);
        }
        text.Append(count > MaxElementsShown ? $", ... {count} in all]" : "]");
    }

    private void WriteOne(ref Reader reader, StringBuilder text, int id, JsonElement type)
    {
        var culture = CultureInfo.InvariantCulture;
        _ = id switch
        {
            1 => Nested(ref reader, text, type),
            2 => text.Append(culture, $"{reader.Take<sbyte>()}"),
            3 or 13 or 16 => text.Append(culture, $"{reader.Take<byte>()}"),
            4 => text.Append(culture, $"{reader.Take<short>()}"),
            5 => text.Append(culture, $"{reader.Take<ushort>()}"),
            6 => text.Append(culture, $"{reader.Take<int>()}"),
            7 => text.Append(culture, $"{reader.Take<uint>()}"),
            8 => text.Append(culture, $"{reader.Take<long>()}"),
            9 => text.Append(culture, $"{reader.Take<ulong>()}"),
            10 => text.Append(culture, $"{reader.Take<float>()}"),
            11 => text.Append(culture, $"{reader.Take<double>()}"),
            14 => text.Append(culture, $"{reader.Take<uint>()}"),
            15 => text.Append(reader.Take<byte>() != 0 ? "true" : "false"),
            17 or 19 or 21 => text.Append('\'').Append(reader.TakeString()).Append('\''),
            18 or 20 or 22 => text.Append('\'').Append(reader.TakeWideString()).Append('\''),
            _ => throw new KeyNotFoundException($"type id {id}"),
        };
    }

    private StringBuilder Nested(ref Reader reader, StringBuilder text, JsonElement type)
    {
        var name = type.GetProperty("nested_type_name").GetString()!;
        if (++reader.Nested > MaxNested)
        {
            throw new KeyNotFoundException($"{name} is in itself");
        }
        WriteStruct(ref reader, text, _types[name]);
        reader.Nested--;
        return text;
    }

    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;

        public int Position { get; private set; }

        public readonly int Left => Math.Max(0, _bytes.Length - Position);

        /// <summary>How deep the message is that is being read.</summary>
        public int Nested { get; set; }

        public T Take<T>()
            where T : unmanaged
        {
            var size = System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
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
}
