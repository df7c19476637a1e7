using System.Globalization;

namespace RmwCkpt.Cli.Export;

/// <summary>From when to when; ns since the epoch.</summary>
internal readonly record struct Period(long From, long To)
{
    public static Period All { get; } = new(long.MinValue, long.MaxValue);

    public bool Contains(long time) => time >= From && time <= To;

    /// <summary>What <see cref="ParseTime"/> takes, for messages.</summary>
    public const string Times = "14:03, 14:03:07.5 (today), 2026-11-29T14:03:07, 1795961000.25 (seconds since 1970), or 90s, 5m, 2h (ago)";

    private static readonly string[] s_timesOfDay = ["h\\:m", "h\\:m\\:s", "h\\:m\\:s\\.FFFFFFF"];

    /// <summary>A moment as people write it, ns since the epoch; null: it is none.</summary>
    public static long? ParseTime(string text, DateTime now)
    {
        var culture = CultureInfo.InvariantCulture;
        if (text.Length > 1 && "smh".Contains(text[^1], StringComparison.Ordinal)
            && decimal.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, culture, out var ago))
        {
            var seconds = ago * text[^1] switch { 's' => 1, 'm' => 60, _ => 3600 };
            return seconds < 1_000_000_000 ? Nanoseconds(now) - (long)(seconds * 1_000_000_000) : null;
        }
        if (decimal.TryParse(text, NumberStyles.AllowDecimalPoint, culture, out var since))
        {
            return since < 9_000_000_000 ? (long)(since * 1_000_000_000) : null;
        }
        if (TimeSpan.TryParseExact(text, s_timesOfDay, culture, out var time))
        {
            return Nanoseconds(now.ToLocalTime().Date.Add(time).ToUniversalTime());
        }
        return DateTime.TryParse(text, culture, DateTimeStyles.AssumeLocal | DateTimeStyles.AdjustToUniversal, out var date)
            && text.Contains('-', StringComparison.Ordinal) ? Nanoseconds(date) : null;
    }

    private static long Nanoseconds(DateTime time) => (time - DateTime.UnixEpoch).Ticks * 100;
}
