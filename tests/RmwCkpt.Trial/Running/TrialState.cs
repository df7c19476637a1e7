using RmwCkpt.Memory;
using RmwCkpt.Trial.Judging;

namespace RmwCkpt.Trial.Running;

/// <summary>What a view shows of one party.</summary>
public sealed record Party(
    string Name, int Pid, string State, string LastSaid, int Deaths, double? LastSilence, double? LastLive, long Replayed, long Suppressed);

/// <summary>The trial as it stands, for the views. Thread-safe.</summary>
public sealed class TrialState
{
    private readonly object _lock = new();
    private readonly long _start = Posix.Now(Posix.MonotonicClock);
    private readonly List<NodeProcess> _nodes = [];
    private readonly List<Death> _deaths = [];
    private readonly List<string> _events = [];
    private Death? _open;

    /// <summary>Something happened; the line has its time in front.</summary>
    public event Action<string>? Said;

    public int MasterPid { get; set; }

    public string Engine { get; set; } = "";

    /// <summary>The witness was killed: its own clock is not to be trusted since (CRIU gives it a clock of its own).</summary>
    public bool WitnessDied => Deaths().Any(x => x.Victim == Victim.Watcher && x.Times > 0);

    public void Add(NodeProcess node)
    {
        lock (_lock)
        {
            _nodes.Add(node);
        }
    }

    public NodeProcess Node(Victim role) => NodeList().First(x => x.Role == role);

    public IReadOnlyList<NodeProcess> NodeList()
    {
        lock (_lock)
        {
            return [.. _nodes];
        }
    }

    public void Say(string text)
    {
        var line = $"{(Posix.Now(Posix.MonotonicClock) - _start) / 1e9,6:F2} s  {text}";
        lock (_lock)
        {
            _events.Add(line);
        }
        Said?.Invoke(line);
    }

    public void Begin(Death death)
    {
        lock (_lock)
        {
            _open = death;
        }
        var verb = death.How switch { "SIGKILL" => "killed with SIGKILL", "SIGSTOP" => "stopped with SIGSTOP", _ => $"dies at {death.How}" };
        Say($"{death.Victim.ToString().ToLowerInvariant()} (pid {death.Pid}) {verb}");
    }

    public void End(Death death)
    {
        lock (_lock)
        {
            _open = null;
            _deaths.Add(death);
        }
        if (death.Victim == Victim.Master && death.NewPid != 0)
        {
            MasterPid = death.NewPid;
        }
        Say(death.Describe());
    }

    public IReadOnlyList<Death> Deaths()
    {
        lock (_lock)
        {
            return [.. _deaths];
        }
    }

    public IReadOnlyList<string> Events(int count)
    {
        lock (_lock)
        {
            return [.. _events.TakeLast(count)];
        }
    }

    /// <summary>The watcher's clock: its own stamps, or since its death the times at which its lines were seen here.</summary>
    public IReadOnlyList<long> Stamps() => WitnessDied ? Node(Victim.Watcher).Witness.Arrivals() : Node(Victim.Watcher).Witness.Stamps();

    /// <summary>How long nothing was heard because of a death, ms.</summary>
    public double SilenceOf(Death death, IReadOnlyList<long> stamps)
    {
        var next = Deaths().Where(x => x.At > death.At).Select(x => x.At).DefaultIfEmpty(long.MaxValue).Min();
        var end = Math.Min(Math.Min(death.LiveAt + Silence.Aftermath, next), Posix.Now(Posix.MonotonicClock));
        return Silence.Largest(stamps, death.At, end) / 1e6;
    }

    public IReadOnlyList<Party> Parties()
    {
        var deaths = Deaths();
        var nodes = NodeList();
        var stamps = nodes.Any(x => x.Role == Victim.Watcher) ? Stamps() : [];
        var parties = nodes.OrderByDescending(x => x.Role).Select(node => new Party(
            node.Role.ToString().ToLowerInvariant(), node.Pid, StateOf(node), SaidBy(node), Count(node.Role),
            LastSilence(node.Role), LastLive(node.Role), node.Counts.Replayed, node.Counts.Suppressed)).ToList();
        if (MasterPid != 0)
        {
            parties.Add(new Party(
                "master", MasterPid, _open?.Victim == Victim.Master ? "dead" : "live", "", Count(Victim.Master),
                LastSilence(Victim.Master), LastLive(Victim.Master), 0, 0));
        }
        return parties;

        int Count(Victim victim) => deaths.Where(x => x.Victim == victim).Sum(x => x.Times);
        double? LastSilence(Victim victim) => deaths.LastOrDefault(x => x.Victim == victim) is { LiveAt: > 0 } d ? SilenceOf(d, stamps) : null;
        double? LastLive(Victim victim) => deaths.LastOrDefault(x => x.Victim == victim) is { LiveAt: > 0 } d ? d.Milliseconds : null;
    }

    private string StateOf(NodeProcess node) => _open is { } death && death.Victim == node.Role && death.How == "SIGSTOP"
        ? "stopped"
        : (node.State, node.Mode) switch
        {
            (Domain.ProcessState.Live, Domain.ProcessMode.Live) => _open?.Victim == node.Role && _open.How == "SIGKILL" ? "dead" : "live",
            (Domain.ProcessState.Live, Domain.ProcessMode.Replay) => "replays",
            (Domain.ProcessState.Live, _) => "catches up",
            (Domain.ProcessState.Recovering, _) => "is restored",
            (Domain.ProcessState.Exited, _) => "has left",
            _ => "stays down",
        };

    private static string SaidBy(NodeProcess node) => (node.Role, node.Witness.Last) switch
    {
        (Victim.Counter, [var number, _]) => $"{number}",
        (Victim.Relay, [var number, var sum]) => $"{number}: {sum}",
        (Victim.Watcher, [var sum, _]) => $"{sum}",
        _ => "",
    };
}
