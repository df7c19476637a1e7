using System.Text.Json;
using RmwCkpt.Memory;

namespace RmwCkpt.Cli.Journals;

/// <summary>A type and all types in it, as the run folder has them (REP 2016 JSON).</summary>
internal sealed class TypeDescription
{
    private const int LargestFile = 64 << 20;

    private readonly Dictionary<string, JsonElement> _types = [];

    private TypeDescription(JsonElement description)
    {
        var type = description.GetProperty("type_description");
        Root = type.GetProperty("type_name").GetString()!;
        _types[Root] = type;
        foreach (var referenced in description.GetProperty("referenced_type_descriptions").EnumerateArray())
        {
            _types[referenced.GetProperty("type_name").GetString()!] = referenced;
        }
    }

    /// <summary>Name of the type that is described.</summary>
    public string Root { get; }

    /// <summary>Null when there is no such file or it is no description.</summary>
    public static TypeDescription? Load(TrustedPath path)
    {
        try
        {
            return new TypeDescription(JsonDocument.Parse(path.ReadAll(LargestFile)).RootElement.Clone());
        }
        catch (Exception e) when (e is IOException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <exception cref="KeyNotFoundException">It is not described.</exception>
    public JsonElement this[string type] => _types.TryGetValue(type, out var found) ? found : throw new KeyNotFoundException(type);

    /// <summary>
    /// The type of one of the root's fields, as a service has its request and response; of the root itself for null. Null: there
    /// is no such field.
    /// </summary>
    public string? NameOf(string? member)
    {
        if (member is null)
        {
            return Root;
        }
        try
        {
            return this[Root].GetProperty("fields").EnumerateArray()
                .FirstOrDefault(x => x.GetProperty("name").GetString() == member) is { ValueKind: JsonValueKind.Object } field
                ? field.GetProperty("type").GetProperty("nested_type_name").GetString() : null;
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }
}
