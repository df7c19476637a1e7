using System.Globalization;

namespace RmwCkpt.Master.Recovery;

/// <summary>Why a dead process is kept for `rmw_ckpt recover`, and not brought back unasked.</summary>
internal static class WhyStaysDown
{
    private const string Remedy = "`rmw_ckpt recover NODE` or `--all` brings it back, `rmw_ckpt forget` drops it";

    /// <param name="when">When a master last looked.</param>
    public static string AllWereKilled(DateTimeOffset when) => string.Create(
        CultureInfo.InvariantCulture, $"all of the domain were killed at about {when:HH:mm:ss}; {Remedy}");

    public static string Killed(DateTimeOffset when) => string.Create(
        CultureInfo.InvariantCulture, $"killed at {when:HH:mm:ss} (rmw_ckpt kill); `rmw_ckpt restart` brings it back as it was, `rmw_ckpt forget` drops it");

    public static string NobodyLooked(TimeSpan absence) => string.Create(
        CultureInfo.InvariantCulture, $"it died while nobody looked for {absence.TotalSeconds:F0} s (no master, or the host was suspended); {Remedy}");
}
