using System.CommandLine;
using System.Globalization;
using RmwCkpt.Trial.Running;

namespace RmwCkpt.Trial;

/// <summary>The command line.</summary>
public sealed class CommandLine
{
    private static readonly string[] s_points =
    [
        "AfterReserve", "MidCopy", "BeforeCommit", "AfterCommit", "BeforeTakeRecord", "AfterTakeRecord", "SegmentRoll", "JournalRoll",
        "ReplayStart", "ReplayMiddle", "ReplayEnd",
    ];

    private readonly Option<string> _nodes = Choice("--nodes", "rclpy", "the nodes: rclpy (of the sourced ROS 2) or csharp", "rclpy", "csharp");
    private readonly Option<string?> _program = new("--program") { Description = "the C# nodes' program, or the folder of the Python files" };
    private readonly Option<bool> _lend = new("--lend") { Description = "the C# relay's messages are of 128 KiB, most of them lent and written where they are read" };
    private readonly Option<double> _rate = Of("--rate", 100.0, "numbers per second");
    private readonly Option<int> _depth = Of("--depth", 10, "of every KEEP_LAST queue");
    private readonly Option<string> _kill = Of("--kill", "relay", "relay, counter, watcher, master; several in turn (relay,master); or mixed");
    private readonly Option<int> _times = Of("--times", 0, "how many kills; 0: none, see --seconds");
    private readonly Option<string> _between = Of("--between", "200-1200", "MIN-MAX ms from a recovery to the next kill");
    private readonly Option<int?> _seed = new("--seed") { Description = "repeats the order and the pauses" };
    private readonly Option<string?> _point = new("--point")
    {
        Description = $"kill points at which the victim dies, in turn: {string.Join(", ", s_points)}", HelpName = "names",
    };
    private readonly Option<double> _interval = Of("--interval", 1.0, "seconds between snapshots");
    private readonly Option<string> _engine = Choice("--engine", "auto", "snapshot engine", "auto", "criu", "fork", "none");
    private readonly Option<double?> _pause = new("--pause") { Description = "stop the victim for so many seconds (SIGSTOP) instead of killing it" };
    private readonly Option<double> _seconds = Of("--seconds", 5.0, "without kills: how long the nodes run");
    private readonly Option<int> _domain = Of("--domain", 42, "ROS_DOMAIN_ID");
    private readonly Option<string> _rmw = Of("--rmw", TrialOptions.OurRmw, "another middleware to compare with (without kills)");
    private readonly Option<double?> _offset = new("--offset") { Description = "by how many numbers the counter may be off" };
    private readonly Option<string> _view = Choice("--view", "live", "live: a table that changes (terminals only); plain: lines", "live", "plain");
    private readonly Option<bool> _json = new("--json") { Description = "the result as JSON on stdout, all else on stderr" };
    private readonly Option<bool> _keep = new("--keep") { Description = "keep the trial's folder" };
    private readonly RootCommand _root = new(
        "Runs a counter, a relay and a watcher, kills them as told, and judges by what they wrote with write(2) whether any\n"
        + "message was missed, repeated or reordered. Exit status 0: none was; 1: the trial failed; 2: wrong usage.");

    public CommandLine()
    {
        foreach (var option in new Option[]
        {
            _nodes, _program, _lend, _rate, _depth, _kill, _times, _between, _seed, _point, _interval, _engine, _pause, _seconds, _domain, _rmw,
            _offset, _view, _json, _keep,
        })
        {
            _root.Options.Add(option);
        }
    }

    public int Run(string[] arguments, Func<TrialOptions, bool, bool, int> run)
    {
        _root.SetAction(result =>
        {
            // Here and not in a validator, which runs before the other options have their defaults.
            if (Fault(result) is { } fault)
            {
                Console.Error.WriteLine(fault);
                return 2;
            }
            return run(Read(result), result.GetValue(_json), result.GetValue(_view) == "live");
        });
        var parsed = _root.Parse(arguments);
        var status = parsed.Invoke();
        return parsed.Errors.Count > 0 ? 2 : status;
    }

    private TrialOptions Read(ParseResult result)
    {
        KillPlan.TryParse(result.GetValue(_kill)!, out var victims, out var mixed);
        TryRange(result.GetValue(_between)!, out var shortest, out var longest);
        var kind = result.GetValue(_nodes) == "csharp" ? NodeKind.CSharp : NodeKind.Rclpy;
        return new TrialOptions
        {
            Nodes = kind,
            Program = result.GetValue(_program) ?? FindPythonNodes(),
            Lends = result.GetValue(_lend),
            Rate = result.GetValue(_rate),
            Depth = result.GetValue(_depth),
            Victims = victims,
            Mixed = mixed,
            Times = result.GetValue(_times),
            ShortestPause = shortest,
            LongestPause = longest,
            Seed = result.GetValue(_seed) ?? Random.Shared.Next(1_000_000),
            Points = Points(result),
            Stop = result.GetValue(_pause) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            Duration = TimeSpan.FromSeconds(result.GetValue(_seconds)),
            Interval = result.GetValue(_interval),
            Engine = result.GetValue(_engine)!,
            Domain = result.GetValue(_domain),
            Rmw = result.GetValue(_rmw)!,
            OffsetAllowed = result.GetValue(_offset),
            Keep = result.GetValue(_keep),
        };
    }

    private string? Fault(ParseResult result)
    {
        if (!KillPlan.TryParse(result.GetValue(_kill)!, out var victims, out var mixed))
        {
            return $"--kill {result.GetValue(_kill)}: relay, counter, watcher, master, several of them with commas, or mixed";
        }
        if (!TryRange(result.GetValue(_between)!, out _, out _))
        {
            return $"--between {result.GetValue(_between)}: two numbers of milliseconds, such as 200-1200";
        }
        if (result.GetValue(_rate) <= 0 || result.GetValue(_depth) <= 0 || result.GetValue(_times) < 0)
        {
            return "--rate and --depth are above 0, --times is not below";
        }
        if (result.GetValue(_nodes) == "csharp" && !File.Exists(result.GetValue(_program)))
        {
            return "--nodes csharp needs --program: the C# nodes' program";
        }
        if (result.GetValue(_lend) && result.GetValue(_nodes) != "csharp")
        {
            return "--lend needs --nodes csharp";
        }
        if (result.GetValue(_rmw) != TrialOptions.OurRmw && result.GetValue(_times) > 0)
        {
            return "another middleware's nodes do not come back: --times 0";
        }
        if (Points(result).Except(s_points).Any())
        {
            return $"--point {result.GetValue(_point)}: of {string.Join(", ", s_points)}";
        }
        var isOneNode = !mixed && victims.Count == 1 && victims[0] != Victim.Master;
        return (result.GetValue(_point) is not null || result.GetValue(_pause) is not null) && !isOneNode
            ? "--point and --pause need one node to --kill"
            : null;
    }

    private string[] Points(ParseResult result) => result.GetValue(_point)?.Split(',') ?? [];

    private static bool TryRange(string text, out TimeSpan shortest, out TimeSpan longest)
    {
        (shortest, longest) = (default, default);
        var parts = text.Split('-');
        if (parts.Length is 1 or 2 && TryMilliseconds(parts[0], out shortest) && TryMilliseconds(parts[^1], out longest))
        {
            return shortest <= longest;
        }
        return false;
    }

    private static bool TryMilliseconds(string text, out TimeSpan time)
    {
        var good = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is >= 0 and < 1e9;
        time = TimeSpan.FromMilliseconds(good ? value : 0);
        return good;
    }

    /// <summary>tests/nodes of the work tree that this program was built in.</summary>
    private static string FindPythonNodes()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            var nodes = Path.Combine(folder, "tests", "nodes");
            if (File.Exists(Path.Combine(nodes, "relay.py")))
            {
                return nodes;
            }
        }
        return Path.GetFullPath("tests/nodes");
    }

    private static Option<T> Of<T>(string name, T usual, string description) =>
        new(name) { Description = description, DefaultValueFactory = _ => usual };

    private static Option<string> Choice(string name, string usual, string description, params string[] values)
    {
        var option = Of(name, usual, description);
        option.AcceptOnlyFromAmong(values);
        return option;
    }
}
