namespace RmwCkpt.Trial.Running;

/// <summary>One kill: after a pause, somebody.</summary>
public sealed record PlannedKill(Victim Victim, TimeSpan Pause);

/// <summary>Who is killed when; the same for the same seed.</summary>
public static class KillPlan
{
    public static IEnumerable<PlannedKill> Make(TrialOptions options)
    {
        var random = new Random(options.Seed);
        var spread = options.LongestPause - options.ShortestPause;
        for (var i = 0; i < options.Times; i++)
        {
            var victim = options.Mixed
                ? options.Victims[random.Next(options.Victims.Count)]
                : options.Victims[i % options.Victims.Count];
            yield return new PlannedKill(victim, options.ShortestPause + (random.NextDouble() * spread));
        }
    }

    /// <summary>Reads "relay", "relay,counter,master" (in turn) or "mixed" (at random; the watcher is the witness and lives).</summary>
    public static bool TryParse(string text, out IReadOnlyList<Victim> victims, out bool mixed)
    {
        mixed = text == "mixed";
        var names = mixed ? ["relay", "counter", "master"] : text.Split(',');
        var list = new List<Victim>();
        victims = list;
        foreach (var name in names)
        {
            if (!Enum.GetNames<Victim>().Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                return false;
            }
            list.Add(Enum.Parse<Victim>(name, ignoreCase: true));
        }
        return true;
    }
}
