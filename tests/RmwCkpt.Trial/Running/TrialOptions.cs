namespace RmwCkpt.Trial.Running;

/// <summary>Who may be killed.</summary>
public enum Victim
{
    Watcher,
    Relay,
    Counter,
    Master,
}

public enum NodeKind
{
    Rclpy,
    CSharp,
}

/// <summary>What a trial is to do; the command line's options.</summary>
public sealed record TrialOptions
{
    public const string OurRmw = "rmw_ckpt";

    public NodeKind Nodes { get; init; } = NodeKind.Rclpy;

    /// <summary>C# nodes: their program. rclpy nodes: the folder of the Python files.</summary>
    public required string Program { get; init; }

    /// <summary>C# nodes: the relay's messages are large, and written where they are read.</summary>
    public bool Lends { get; init; }

    public double Rate { get; init; } = 100;

    public int Depth { get; init; } = 10;

    /// <summary>In turn, or with <see cref="Mixed"/> at random.</summary>
    public IReadOnlyList<Victim> Victims { get; init; } = [Victim.Relay];

    public bool Mixed { get; init; }

    public int Times { get; init; }

    public TimeSpan ShortestPause { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan LongestPause { get; init; } = TimeSpan.FromMilliseconds(1200);

    public int Seed { get; init; }

    /// <summary>The kill points at which the victim dies, one after the other and again; none: anywhere.</summary>
    public IReadOnlyList<string> Points { get; init; } = [];

    /// <summary>Stops the victim for so long instead of killing it.</summary>
    public TimeSpan? Stop { get; init; }

    /// <summary>Without kills: how long the nodes run.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(5);

    public double Interval { get; init; } = 1;

    public string Engine { get; init; } = "auto";

    public int Domain { get; init; } = 42;

    public string Rmw { get; init; } = OurRmw;

    /// <summary>By how many numbers the counter may be off; null: 3 and what a clock's reading may take.</summary>
    public double? OffsetAllowed { get; init; }

    public bool Keep { get; init; }

    public bool IsOurs => Rmw == OurRmw;

    /// <summary>10 ms are the start-up's and the sampling's: nobody's clock starts exactly at the first line.</summary>
    public double Tolerance => OffsetAllowed ?? (3 + (0.01 * Rate));

    /// <summary>Whether only a recovery reaches a kill point: the victim is killed to get there.</summary>
    public static bool IsReplayPoint(string point) => point.StartsWith("Replay", StringComparison.Ordinal);
}
