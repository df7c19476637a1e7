using System.Globalization;
using Microsoft.Extensions.Logging;
using RmwCkpt.Registry;

namespace RmwCkpt.Master;

/// <summary>What the master's environment asks for. A bad value is replaced by the default and said in the log.</summary>
public sealed record MasterOptions
{
    /// <summary>Time between two snapshots of a process; zero: only by hand.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>auto, criu or none.</summary>
    public string Engine { get; init; } = "auto";

    /// <summary>RMW_CKPT_RECOVER other than off.</summary>
    public bool Recover { get; init; } = true;

    /// <summary>Cells of a journal after which a snapshot is taken early: replay re-reads them.</summary>
    public long JournalLimit { get; init; } = 200_000;

    /// <summary>Bytes that each log keeps, as the nodes have it.</summary>
    public long Retention { get; init; } = RunFolder.DefaultRetention;

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
            Interval = TimeSpan.FromSeconds(Number("RMW_CKPT_INTERVAL", d.Interval.TotalSeconds, 86400)),
            Engine = Choice("RMW_CKPT_ENGINE", "auto", "criu", "none"),
            Recover = Choice("RMW_CKPT_RECOVER", "auto", "respawn", "off") != "off",
            JournalLimit = (long)Number("RMW_CKPT_JOURNAL_LIMIT", d.JournalLimit, long.MaxValue / 2),
            Retention = (long)Number("RMW_CKPT_RETENTION", d.Retention, long.MaxValue / 2),
            CriuProgram = Text("RMW_CKPT_CRIU"),
            LogLevel = Level(),
            Complaints = complaints,
        };

        string? Text(string name) => read(name) is { Length: > 0 } text ? text : null;

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

        string Choice(string name, params string[] values)
        {
            var text = Text(name)?.ToLowerInvariant() ?? values[0];
            if (values.Contains(text))
            {
                return text;
            }
            complaints.Add($"{name}={text} is none of {string.Join(", ", values)}: using {values[0]}");
            return values[0];
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
