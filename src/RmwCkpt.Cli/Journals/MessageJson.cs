using System.Numerics;
using System.Text.Json;

namespace RmwCkpt.Cli.Journals;

/// <summary>Writes a message as JSON: whole, with numbers as numbers; what JSON has no number for is null.</summary>
internal sealed class MessageJson(Utf8JsonWriter writer) : IMessageSink
{
    public void BeginStruct() => writer.WriteStartObject();

    public void Name(string field) => writer.WritePropertyName(field);

    public void EndStruct() => writer.WriteEndObject();

    public void BeginList() => writer.WriteStartArray();

    public void Element(long index)
    {
    }

    public void EndList(long count) => writer.WriteEndArray();

    public void Number<T>(T value)
        where T : INumber<T>
    {
        switch (value)
        {
            case float x when float.IsFinite(x):
                writer.WriteNumberValue(x);
                break;
            case double x when double.IsFinite(x):
                writer.WriteNumberValue(x);
                break;
            case float or double:
                writer.WriteNullValue();
                break;
            case ulong x:
                writer.WriteNumberValue(x);
                break;
            default:
                writer.WriteNumberValue(long.CreateChecked(value));
                break;
        }
    }

    public void Flag(bool value) => writer.WriteBooleanValue(value);

    public void Text(string value) => writer.WriteStringValue(value);
}
