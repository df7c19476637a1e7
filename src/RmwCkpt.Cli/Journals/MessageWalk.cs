using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace RmwCkpt.Cli.Journals;

/// <summary>What a message is written as while it is walked through.</summary>
internal interface IMessageSink
{
    void BeginStruct();

    void Name(string field);

    void EndStruct();

    void BeginList();

    /// <summary>The next element of a list comes.</summary>
    void Element(long index);

    void EndList(long count);

    void Number<T>(T value)
        where T : INumber<T>;

    void Flag(bool value);

    void Text(string value);
}

/// <summary>Goes through a message's CDR by its type's description.</summary>
internal static class MessageWalk
{
    /// <summary>Messages in messages; a description that contains itself has no end.</summary>
    private const int MaxNested = 64;

    /// <summary>What is wrong with the message, and at which byte; null: nothing. What was told to the sink before that stays.</summary>
    /// <param name="member">Which field of the root's the message is; null: the root. As <see cref="TypeDescription.NameOf"/>.</param>
    public static string? Through(TypeDescription types, string? member, ReadOnlySpan<byte> cdr, IMessageSink sink)
    {
        if (types.NameOf(member) is not { } type || cdr.Length < 4 || cdr[0] != 0 || cdr[1] != 1)
        {
            return $"{cdr.Length} bytes that are no plain little-endian CDR";
        }
        var reader = new CdrReader(cdr[4..]);
        try
        {
            Struct(types, ref reader, sink, types[type]);
            return null;
        }
        catch (Exception e) when (e is EndOfStreamException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return string.Create(CultureInfo.InvariantCulture, $"malformed at byte {reader.Position}: {e.Message}");
        }
    }

    private static void Struct(TypeDescription types, ref CdrReader reader, IMessageSink sink, JsonElement type)
    {
        sink.BeginStruct();
        foreach (var field in type.GetProperty("fields").EnumerateArray())
        {
            sink.Name(field.GetProperty("name").GetString()!);
            Field(types, ref reader, sink, field.GetProperty("type"));
        }
        sink.EndStruct();
    }

    /// <summary>type_id: the base type, plus 48 for an array, 96 and 144 for bounded and unbounded sequences.</summary>
    private static void Field(TypeDescription types, ref CdrReader reader, IMessageSink sink, JsonElement type)
    {
        var id = type.GetProperty("type_id").GetInt32();
        if (id < 48)
        {
            One(types, ref reader, sink, id, type);
            return;
        }
        var count = id < 96 ? (long)type.GetProperty("capacity").GetUInt64() : reader.Take<uint>();
        // Each element has a byte at least.
        if (count > reader.Left)
        {
            throw new EndOfStreamException($"a sequence of {count} elements");
        }
        sink.BeginList();
        for (long i = 0; i < count; i++)
        {
            sink.Element(i);
            One(types, ref reader, sink, id % 48, type);
        }
        sink.EndList(count);
    }

    private static void One(TypeDescription types, ref CdrReader reader, IMessageSink sink, int id, JsonElement type)
    {
        switch (id)
        {
            case 1:
                var name = type.GetProperty("nested_type_name").GetString()!;
                if (++reader.Nested > MaxNested)
                {
                    throw new KeyNotFoundException($"{name} is in itself");
                }
                Struct(types, ref reader, sink, types[name]);
                reader.Nested--;
                break;
            case 2:
                sink.Number(reader.Take<sbyte>());
                break;
            case 3 or 13 or 16:
                sink.Number(reader.Take<byte>());
                break;
            case 4:
                sink.Number(reader.Take<short>());
                break;
            case 5:
                sink.Number(reader.Take<ushort>());
                break;
            case 6:
                sink.Number(reader.Take<int>());
                break;
            case 7 or 14:
                sink.Number(reader.Take<uint>());
                break;
            case 8:
                sink.Number(reader.Take<long>());
                break;
            case 9:
                sink.Number(reader.Take<ulong>());
                break;
            case 10:
                sink.Number(reader.Take<float>());
                break;
            case 11:
                sink.Number(reader.Take<double>());
                break;
            case 15:
                sink.Flag(reader.Take<byte>() != 0);
                break;
            case 17 or 19 or 21:
                sink.Text(reader.TakeString());
                break;
            case 18 or 20 or 22:
                sink.Text(reader.TakeWideString());
                break;
            default:
                throw new KeyNotFoundException($"type id {id}");
        }
    }
}
