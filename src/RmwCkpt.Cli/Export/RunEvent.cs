using System.Buffers.Binary;
using System.Text;

namespace RmwCkpt.Cli.Export;

/// <summary>How grave an event is; the values of rcl_interfaces/msg/Log.</summary>
internal enum Severity : byte
{
    Debug = 10,
    Information = 20,
    Warning = 30,
    Error = 40,
}

/// <summary>Something that happened to a domain: a death, a recovery and its silence, a snapshot, a loss.</summary>
/// <param name="Time">ns since the epoch.</param>
/// <param name="Source">Which part of rmw_ckpt says it.</param>
internal readonly record struct RunEvent(long Time, Severity Severity, string Source, string Text)
{
    /// <summary>Where they are in an export, as rosout's messages: each viewer shows these.</summary>
    public const string Topic = "/rmw_ckpt/events";

    public const string Type = "rcl_interfaces/msg/Log";

    /// <summary>The type's definition, as <see cref="MessageDefinition"/> makes it.</summary>
    public static string Definition { get; } =
        "builtin_interfaces/Time stamp\nuint8 level\nstring name\nstring msg\nstring file\nstring function\nuint32 line\n"
        + new string('=', 80) + "\nMSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n";

    /// <summary>It as CDR.</summary>
    public byte[] ToCdr()
    {
        var bytes = new List<byte>([0, 1, 0, 0]);
        Write((uint)(Time / 1_000_000_000));
        Write((uint)(Time % 1_000_000_000));
        bytes.Add((byte)Severity);
        foreach (var text in new[] { Source, Text, "", "" })
        {
            var encoded = Encoding.UTF8.GetBytes(text);
            Write((uint)encoded.Length + 1);
            bytes.AddRange(encoded);
            bytes.Add(0);
        }
        Write(0);
        return [.. bytes];

        // Numbers are aligned to their size, counted from after the first four bytes, which are as many.
        void Write(uint value)
        {
            Span<byte> number = stackalloc byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(number, value);
            bytes.AddRange(new byte[-bytes.Count & 3]);
            bytes.AddRange(number);
        }
    }
}
