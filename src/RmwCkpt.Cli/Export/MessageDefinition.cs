using System.Globalization;
using System.Text;
using System.Text.Json;
using RmwCkpt.Cli.Journals;

namespace RmwCkpt.Cli.Export;

/// <summary>
/// A type as .msg files define it, with all types in it, as bags have it ("ros2msg"): the type itself, then each other one after
/// a line of 80 '=' and a line `MSG: package/Type`. Comments, constants and default values are in no description.
/// </summary>
internal static class MessageDefinition
{
    /// <summary>What .idl files have instead of nothing: readers of .msg add it themselves.</summary>
    private const string Filler = "structure_needs_at_least_one_member";

    private static readonly string s_separator = new('=', 80);

    /// <summary>Null where .msg has no word for something in it, or the description is incomplete.</summary>
    public static string? Of(TypeDescription types, string root)
    {
        var text = new StringBuilder();
        var known = new HashSet<string> { root };
        var coming = new Queue<string>(known);
        try
        {
            while (coming.TryDequeue(out var type))
            {
                if (type != root)
                {
                    text.Append(s_separator).Append("\nMSG: ").Append(Short(type)).Append('\n');
                }
                foreach (var field in types[type].GetProperty("fields").EnumerateArray())
                {
                    var name = field.GetProperty("name").GetString();
                    if (name == Filler)
                    {
                        continue;
                    }
                    text.Append(Word(field.GetProperty("type"), out var nested)).Append(' ').Append(name).Append('\n');
                    if (nested is not null && known.Add(nested))
                    {
                        coming.Enqueue(nested);
                    }
                }
            }
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
        return text.ToString();
    }

    /// <summary>type_id: the base type, plus 48 for an array, 96 and 144 for bounded and unbounded sequences.</summary>
    private static string Word(JsonElement type, out string? nested)
    {
        var id = type.GetProperty("type_id").GetInt32();
        var culture = CultureInfo.InvariantCulture;
        nested = id % 48 == 1 ? type.GetProperty("nested_type_name").GetString()! : null;
        var one = (id % 48) switch
        {
            1 => Short(nested!),
            2 => "int8",
            3 => "uint8",
            4 => "int16",
            5 => "uint16",
            6 => "int32",
            7 => "uint32",
            8 => "int64",
            9 => "uint64",
            10 => "float32",
            11 => "float64",
            13 => "char",
            15 => "bool",
            16 => "byte",
            17 => "string",
            18 => "wstring",
            21 => string.Create(culture, $"string<={type.GetProperty("string_capacity").GetUInt64()}"),
            22 => string.Create(culture, $"wstring<={type.GetProperty("string_capacity").GetUInt64()}"),
            var other => throw new KeyNotFoundException($"type id {other}"),
        };
        return (id / 48) switch
        {
            0 => one,
            1 => string.Create(culture, $"{one}[{type.GetProperty("capacity").GetUInt64()}]"),
            2 => string.Create(culture, $"{one}[<={type.GetProperty("capacity").GetUInt64()}]"),
            _ => one + "[]",
        };
    }

    /// <summary>package/Type of package/msg/Type.</summary>
    private static string Short(string type) => $"{type[..type.IndexOf('/')]}/{type[(type.LastIndexOf('/') + 1)..]}";
}
