using System.Globalization;
using System.Numerics;
using System.Text;
using RmwCkpt.Memory;

namespace RmwCkpt.Cli.Journals;

/// <summary>
/// Writes a message as YAML in one line, as `ros2 topic echo` users know it. Malformed bytes give a text that says where; never
/// an exception to the caller of <see cref="Decode"/>.
/// </summary>
public sealed class MessageDecoder
{
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
        var line = new Line();
        var wrong = MessageWalk.Through(_types, member, cdr, line);
        return wrong is null ? line.Text : $"{line.Text}{(line.Text.Length > 0 ? " " : "")}({wrong})";
    }

    /// <summary>Lists are cut after their first elements.</summary>
    private sealed class Line : IMessageSink
    {
        private const int MaxElementsShown = 16;

        private readonly StringBuilder _text = new();

        /// <summary>What is not shown is within this many lists of which enough was shown; lists in there have no say.</summary>
        private int _hidden;
        private bool _isFirst;

        public string Text => _text.ToString();

        public void BeginStruct()
        {
            Put("{");
            _isFirst = true;
        }

        public void Name(string field)
        {
            Put(_isFirst ? "" : ", ");
            Put(field);
            Put(": ");
            _isFirst = false;
        }

        public void EndStruct()
        {
            Put("}");
            _isFirst = false;
        }

        public void BeginList()
        {
            Put("[");
            _hidden += _hidden > 0 ? 1 : 0;
        }

        public void Element(long index)
        {
            if (index == MaxElementsShown && _hidden == 0)
            {
                _hidden = 1;
            }
            Put(index == 0 ? "" : ", ");
        }

        public void EndList(long count)
        {
            _hidden -= _hidden > 0 ? 1 : 0;
            Put(count > MaxElementsShown ? string.Create(CultureInfo.InvariantCulture, $", ... {count} in all]") : "]");
        }

        public void Number<T>(T value)
            where T : INumber<T> => Put(value.ToString(null, CultureInfo.InvariantCulture));

        public void Flag(bool value) => Put(value ? "true" : "false");

        void IMessageSink.Text(string value)
        {
            Put("'");
            Put(value);
            Put("'");
        }

        private void Put(string text)
        {
            if (_hidden == 0)
            {
                _text.Append(text);
            }
        }
    }
}
