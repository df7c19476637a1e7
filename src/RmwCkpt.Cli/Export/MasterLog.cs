using System.Globalization;
using System.Text;
using RmwCkpt.Domain;

namespace RmwCkpt.Cli.Export;

/// <summary>The events that a domain's masters have logged, which outlive them. Lines as FileLogger writes them.</summary>
internal static class MasterLog
{
    private const string TimeFormat = "yyyy-MM-dd HH:mm:ss.ffffff";
    private const int LevelLength = 5;

    /// <summary>As much as the master lets it have, and the one that it had put aside.</summary>
    private const int LargestFile = 64 << 20;

    /// <summary>In the order of their times.</summary>
    public static List<RunEvent> Read(RunFolder folder)
    {
        var events = new List<RunEvent>();
        foreach (var path in new[] { folder.MasterLog + ".1", folder.MasterLog })
        {
            if (path.Exists)
            {
                Parse(Encoding.UTF8.GetString(path.ReadAll(LargestFile)), events);
            }
        }
        events.Sort((a, b) => a.Time.CompareTo(b.Time));
        return events;
    }

    /// <summary>A line that does not begin with a time goes on with the one before it.</summary>
    private static void Parse(string text, List<RunEvent> events)
    {
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (TryParse(line) is { } parsed)
            {
                events.Add(parsed);
            }
            else if (events.Count > 0)
            {
                events[^1] = events[^1] with { Text = $"{events[^1].Text}\n{line}" };
            }
        }
    }

    private static RunEvent? TryParse(string line)
    {
        const int At = 27; // TimeFormat, a space
        var bracket = line.IndexOf("] ", StringComparison.Ordinal);
        if (line.Length < At + LevelLength + 2 || bracket < At + LevelLength || line[At + LevelLength + 1] != '['
            || !DateTime.TryParseExact(
                line[..(At - 1)], TimeFormat, CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time))
        {
            return null;
        }
        var severity = line.Substring(At, LevelLength) switch
        {
            "DEBUG" => Severity.Debug,
            "INFO " => Severity.Information,
            "WARN " => Severity.Warning,
            _ => Severity.Error,
        };
        return new RunEvent(
            (time - DateTime.UnixEpoch).Ticks * 100, severity, $"master.{line[(At + LevelLength + 2)..bracket]}", line[(bracket + 2)..]);
    }
}
