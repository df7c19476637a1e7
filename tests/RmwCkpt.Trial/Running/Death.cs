namespace RmwCkpt.Trial.Running;

/// <summary>One death and what came after it. Times are monotonic, ns.</summary>
public sealed record Death
{
    public required Victim Victim { get; init; }

    public required int Pid { get; init; }

    /// <summary>SIGKILL, SIGSTOP or the kill point's name.</summary>
    public required string How { get; init; }

    public required long At { get; init; }

    /// <summary>When it was live again; 0: never.</summary>
    public long LiveAt { get; init; }

    public int NewPid { get; init; }

    /// <summary>How often it died until it was live: twice when the kill point is in a replay.</summary>
    public int Times { get; init; } = 1;

    public ReplayCounts Counts { get; init; }

    /// <summary>Why it did not come back.</summary>
    public string Trouble { get; init; } = "";

    public double Milliseconds => (LiveAt - At) / 1e6;

    public string Describe()
    {
        var who = Victim.ToString().ToLowerInvariant();
        return Trouble.Length > 0 ? Trouble
            : How == "SIGSTOP" ? $"{who} was stopped for {Milliseconds:F0} ms and goes on"
            : Victim == Victim.Master ? $"master is there again after {Milliseconds:F0} ms (pid {NewPid})"
            : $"{who} is live again after {Milliseconds:F0} ms (pid {NewPid}): {Counts.Replayed} messages replayed, "
                + $"{Counts.Suppressed} publishes suppressed" + (Counts.Divergences > 0 ? $", {Counts.Divergences} DIVERGED" : "");
    }
}
