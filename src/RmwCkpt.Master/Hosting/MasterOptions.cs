using System.Globalization;
using Microsoft.Extensions.Logging;
using RmwCkpt.Domain;

namespace RmwCkpt.Master.Hosting;

/// <summary>
/// What the environment of the node that started the master asks for, for the whole domain; what each process asks for itself
/// is its <see cref="RmwCkpt.Domain.Protocol.Policy"/>. A bad value is replaced by the default and said in the log.
/// </summary>
public sealed record MasterOptions
{
    /// <summary>Cells of a journal after which a snapshot is taken early: replay re-reads them.</summary>
    public long JournalLimit { get; init; } = 200_000;

    /// <summary>Bytes that each log keeps at most (RMW_CKPT_RETENTION), if that was asked for.</summary>
    public long? Retention { get; init; }

    /// <summary>Bytes that the domain may have for logs, journals and images, if that was asked for.</summary>
    public long? Memory { get; init; }

    /// <summary>Whether images are moved to the disk (RMW_CKPT_KEEP=disk).</summary>
    public bool KeepsOnDisk { get; init; }

    public string? CriuProgram { get; init; }

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>One line for each value that could not be used.</summary>
    public IReadOnlyList<string> Complaints { get; init; } = [];

    public static MasterOptions FromEnvironment(Func<string, string?> read)
    {
        var complaints = new List<string>();
        var d = new MasterOptions();
        return new MasterOptions
        {
            JournalLimit = (long)Number("RMW_CKPT_JOURNAL_LIMIT", d.JournalLimit, long.MaxValue / 2),
            Retention = Bytes("RMW_CKPT_RETENTION"),
            Memory = Bytes(DomainMemory.Variable),
            KeepsOnDisk = KeepsOnDisk(),
            CriuProgram = Text("RMW_CKPT_CRIU"),
            LogLevel = Level(),
            Complaints = complaints,
        };

        string? Text(string name) => read(name) is { Length: > 0 } text ? text : null;

        long? Bytes(string name)
        {
            var bytes = ByteSize.Read(read, name, out var complaint);
            complaints.AddRange(complaint is null ? [] : [complaint]);
            return bytes;
        }

        bool KeepsOnDisk()
        {
            var text = Text("RMW_CKPT_KEEP")?.ToLowerInvariant();
            if (text is not (null or "memory" or "disk"))
            {
                complaints.Add($"RMW_CKPT_KEEP={text} is neither memory nor disk: using memory");
            }
            return text == "disk";
        }

        double Number(string name, double usual, double most)
        {
            if (Text(name) is not { } text)
            {
                return usual;
            }
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                && value >= 0 && value <= most)
            {
                return value;
            }
            complaints.Add($"{name}={text} is not a number from 0 to {most}: using {usual}");
            return usual;
        }

        LogLevel Level()
        {
            var text = Text("RMW_CKPT_LOG_LEVEL")?.ToLowerInvariant();
            switch (text)
            {
                case null or "info": return LogLevel.Information;
                case "debug": return LogLevel.Debug;
                case "warn" or "warning": return LogLevel.Warning;
                case "error": return LogLevel.Error;
                case "fatal": return LogLevel.Critical;
                default:
                    complaints.Add($"RMW_CKPT_LOG_LEVEL={text} is none of debug, info, warn, error, fatal: using info");
                    return LogLevel.Information;
            }
        }
    }
}
