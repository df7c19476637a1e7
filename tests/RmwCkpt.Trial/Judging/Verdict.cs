namespace RmwCkpt.Trial.Judging;

/// <summary>What is judged besides the witness files.</summary>
public sealed record Circumstances
{
    /// <summary>Where the counter is, and where it would have been without any death.</summary>
    public CounterOffset Counter { get; init; } = CounterOffset.None;

    /// <summary>By how many numbers it may be off: it may be ahead or behind by chance, and behind by stops.</summary>
    public double AheadAllowed { get; init; } = 3;

    public double BehindAllowed { get; init; } = 3;

    /// <summary>Things that went wrong while the trial ran.</summary>
    public IReadOnlyList<string> Troubles { get; init; } = [];

    public long Divergences { get; init; }
}

/// <summary>The end of a trial.</summary>
public sealed record Verdict(bool Ok, string Text)
{
    public static Verdict Of(Tally counter, Tally relay, Tally watcher, Circumstances circumstances)
    {
        var faults = new List<string>(circumstances.Troubles);
        if (counter.Highest == 0)
        {
            faults.Add("the counter counted nothing");
        }
        Add(faults, "counter", counter);
        Add(faults, "relay", relay);
        Add(faults, "watcher", watcher);
        if (circumstances.Divergences > 0)
        {
            faults.Add($"{circumstances.Divergences} publishes diverged in replay");
        }
        var where = Where(counter, circumstances, out var fault);
        if (fault)
        {
            faults.Add(where);
        }
        return faults.Count == 0
            ? new Verdict(true, $"each number once, in order; sums unbroken; {where}")
            : new Verdict(false, string.Join("; ", faults));
    }

    /// <summary>Where the counter is. A fault: it is ahead, or behind by more than the machine gave it no time for.</summary>
    private static string Where(Tally counter, Circumstances circumstances, out bool fault)
    {
        var clock = circumstances.Counter;
        var behind = circumstances.BehindAllowed;
        fault = clock.Offset > circumstances.AheadAllowed || clock.Offset < -behind - clock.Withheld
            || clock.ByUs < -behind - clock.WithheldInWindows;
        if (!fault && clock.Offset >= -behind)
        {
            return $"the counter where it would have been ({clock.Offset:+0;-0;0})";
        }
        return $"the counter is at {counter.Highest} where it would have been at {clock.Expected:F0}, {clock.ByDeaths:+0;-0;0} by "
            + $"deaths, {clock.BySnapshots:+0;-0;0} by snapshots; the machine gave it no time for {clock.Withheld:F0}, "
            + $"{clock.WithheldInWindows:F0} of them in those";
    }

    private static void Add(List<string> faults, string name, Tally tally)
    {
        if (tally.IsClean)
        {
            return;
        }
        var parts = new List<string>();
        Say(tally.Missed, "missed");
        Say(tally.Repeated, "repeated");
        Say(tally.Reordered, "out of order");
        Say(tally.WrongSums, "wrong sums");
        Say(tally.Broken, "broken lines");
        faults.Add($"{name}: {string.Join(", ", parts)} ({tally.FirstFault})");

        void Say(long count, string what)
        {
            if (count > 0)
            {
                parts.Add($"{count} {what}");
            }
        }
    }
}
