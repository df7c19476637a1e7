namespace RmwCkpt.Trial.Judging;

/// <summary>What one witness file shows.</summary>
public sealed record Tally
{
    /// <summary>Lines in the file.</summary>
    public int Lines { get; init; }

    /// <summary>Different numbers heard.</summary>
    public int Heard { get; init; }

    /// <summary>The highest number heard; 0: none.</summary>
    public long Highest { get; init; }

    /// <summary>Numbers up to the last one that never came, or that a replayed incarnation skipped.</summary>
    public long Missed { get; init; }

    public long Repeated { get; init; }

    /// <summary>Numbers that came after a higher one.</summary>
    public long Reordered { get; init; }

    public long WrongSums { get; init; }

    /// <summary>Lines that no node writes: torn or foreign.</summary>
    public int Broken { get; init; }

    /// <summary>Times that a replayed incarnation began to write its lines again; at most one per death is legitimate.</summary>
    public int StepsBack { get; init; }

    /// <summary>Lines that replayed incarnations wrote again, rightly.</summary>
    public int Rewritten { get; init; }

    /// <summary>The first thing that is wrong, for the report.</summary>
    public string FirstFault { get; init; } = "";

    public bool IsClean => Missed + Repeated + Reordered + WrongSums + Broken == 0;
}
