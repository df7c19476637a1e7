using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Trial.Judging;

namespace RmwCkpt.Trial.Running;

/// <summary>What a trial came to.</summary>
public sealed record TrialResult(
    Verdict Verdict, Tally Counter, Tally Relay, Tally Watcher, CounterOffset Offset, IReadOnlyList<Death> Deaths,
    IReadOnlyList<double> Silences, ReplayCounts Counts, string Engine, IReadOnlyDictionary<string, int> Recoveries,
    double Seconds, string MasterLog);

/// <summary>
/// One trial from the first process to the last. Runs on the caller's thread, once; Dispose when no view looks any more, for
/// it unmaps what the views show.
/// </summary>
public sealed class TrialRun(TrialOptions options, TrialState state, CancellationToken cancel) : IDisposable
{
    /// <summary>What a counter may take to make up for a time without it, ns.</summary>
    private const long CatchUp = 200_000_000;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private readonly List<string> _troubles = [];
    private volatile bool _over;
    private DomainWatch? _domain;
    private Thread? _tails;
    private readonly List<(long From, long To)> _freezes = [];
    private readonly WithheldTime _withheld = new();
    private long _end;
    private double _stopped;

    public TrialResult Run()
    {
        var start = Posix.Now(Posix.MonotonicClock);
        var nodes = new Nodes(options);
        Environment.SetEnvironmentVariable("RMW_CKPT_DIR", nodes.CheckpointFolder);
        var domain = _domain = new DomainWatch(RunFolder.For(options.Domain), cancel);
        try
        {
            try
            {
                Start(nodes, domain);
                KillAll(nodes, domain);
                Drain(domain);
            }
            catch (TrialException e)
            {
                Trouble(e.Message);
            }
            return Conclude(domain, start);
        }
        finally
        {
            _over = true;
            _tails?.Join();
            if (Cleaner.EndAll(nodes) is { } left)
            {
                state.Say(left);
            }
            if (options.Keep)
            {
                state.Say($"kept: {nodes.Folder}");
            }
            else
            {
                Cleaner.RemoveFolder(nodes);
            }
        }
    }

    public void Dispose() => _domain?.Dispose();

    private void Start(Nodes nodes, DomainWatch domain)
    {
        _tails = new Thread(FollowWitnesses) { IsBackground = true, Name = "witnesses" };
        _tails.Start();
        foreach (var (role, topic) in new[] { (Victim.Watcher, "/sums"), (Victim.Relay, "/numbers"), (Victim.Counter, "") })
        {
            var node = nodes.Start(role);
            state.Add(node);
            var ready = false;
            domain.WaitFor(
                () => (ready = IsReady(node, topic, domain)) || !Directory.Exists($"/proc/{node.Pid}"), s_patience, whose: () => node.Pid);
            if (!ready)
            {
                throw new TrialException($"the {Name(node)} did not start: {TailOf(node)}");
            }
            state.Say($"{Name(node)} started (pid {node.Pid})");
        }
        var counter = state.Node(Victim.Counter);
        if (!domain.WaitFor(() => state.Node(Victim.Watcher).Witness.Last.Length > 0, s_patience, whose: () => counter.Pid))
        {
            throw new TrialException($"the watcher heard nothing in {s_patience.TotalSeconds:F0} s: "
                + string.Join("; ", state.NodeList().Select(x => $"{Name(x)}: {TailOf(x)}")));
        }
        if (options.IsOurs)
        {
            AwaitSnapshots(domain);
        }
    }

    /// <summary>Whether it is there and hears what the next one will say.</summary>
    private bool IsReady(NodeProcess node, string topic, DomainWatch domain) => options.IsOurs
        ? (!node.Slot.IsEmpty || domain.HasJoined(node)) && (topic.Length == 0 || Hears(topic, domain))
        : File.Exists(node.Witness.Path);

    /// <summary>Nodes may talk through topics, services or actions.</summary>
    private static bool Hears(string name, DomainWatch domain) => domain.Has(EntityKind.Subscription, name)
        || domain.Has(EntityKind.Service, name) || domain.Has(EntityKind.Service, $"{name}/_action/send_goal");

    /// <summary>Without a snapshot a first death would be recovered by the slow way, which is another trial.</summary>
    private void AwaitSnapshots(DomainWatch domain)
    {
        var status = domain.AskMaster() ?? throw new TrialException("the master does not answer");
        state.MasterPid = (int)status.MasterPid;
        state.Engine = status.Engine;
        state.Say($"master (pid {status.MasterPid}): engine {status.Engine} ({status.EngineWhy})");
        if (status.Engine != "none" && options.Interval > 0 && options.Times > 0 && options.Stop is null)
        {
            var patience = TimeSpan.FromSeconds(options.Interval + 10);
            var without = new List<string>();
            if (domain.WaitFor(() => (without = domain.WithoutSnapshot()).Count == 0, patience, period: 20))
            {
                state.Say("each node has a snapshot");
            }
            else
            {
                Trouble($"no snapshot of {string.Join(", ", without)} in {patience.TotalSeconds:F0} s");
            }
        }
    }

    private void KillAll(Nodes nodes, DomainWatch domain)
    {
        var killer = new Killer(options, nodes, domain, state);
        foreach (var kill in KillPlan.Make(options))
        {
            cancel.WaitHandle.WaitOne(kill.Pause);
            cancel.ThrowIfCancellationRequested();
            var death = killer.Kill(kill.Victim);
            state.End(death);
            if (death.How == "SIGSTOP" && death.Victim == Victim.Counter)
            {
                _stopped += death.Milliseconds / 1e3;
            }
            if (death.Trouble.Length > 0)
            {
                throw new TrialException(death.Trouble);
            }
        }
        cancel.WaitHandle.WaitOne(options.Times == 0 ? options.Duration : TimeSpan.FromSeconds(1.2));
        cancel.ThrowIfCancellationRequested();
    }

    /// <summary>Ends the counter, lets the last number arrive, and ends the others.</summary>
    private void Drain(DomainWatch domain)
    {
        var counter = state.Node(Victim.Counter);
        _end = Posix.Now(Posix.MonotonicClock);
        End(domain, counter);
        domain.WaitFor(
            () => counter.Witness.Last is [var last, _]
                && state.Node(Victim.Relay).Witness.Last is [var heard, _] && heard == last
                && state.Node(Victim.Watcher).Witness.Arrivals().Count > 0
                && state.Node(Victim.Watcher).Witness.Last[0] == state.Node(Victim.Relay).Witness.Last[1],
            TimeSpan.FromSeconds(10), period: 5);
        End(domain, state.Node(Victim.Relay));
        End(domain, state.Node(Victim.Watcher));
    }

    private void End(DomainWatch domain, NodeProcess node)
    {
        var pid = node.Pid;
        Posix.Kill(pid, Posix.SigTerm);
        if (!domain.WaitFor(() => !Directory.Exists($"/proc/{pid}"), TimeSpan.FromSeconds(5)))
        {
            Trouble($"the {Name(node)} (pid {pid}) does not end on SIGTERM");
        }
    }

    private TrialResult Conclude(DomainWatch domain, long start)
    {
        _over = true;
        _tails?.Join();
        var deaths = state.Deaths();
        int DeathsOf(Victim victim) => deaths.Where(x => x.Victim == victim).Sum(x => x.Times);
        var (counterFile, relayFile, watcherFile) = (Read(Victim.Counter, 2), Read(Victim.Relay, 2), Read(Victim.Watcher, 2));
        var counter = Judge.Counter(counterFile, DeathsOf(Victim.Counter));
        var relay = Judge.Relay(relayFile, DeathsOf(Victim.Relay), counter.Highest);
        var watcher = Judge.Watcher(watcherFile, DeathsOf(Victim.Watcher), counter.Highest, relayFile);
        var counts = state.NodeList().Select(x => x.Counts).Aggregate(
            default(ReplayCounts), (a, b) => new(a.Replayed + b.Replayed, a.Suppressed + b.Suppressed, a.Divergences + b.Divergences, a.Lost + b.Lost));
        var offset = MeasureCounter(deaths, counterFile);
        var verdict = Verdict.Of(counter, relay, watcher, new Circumstances
        {
            Counter = offset,
            AheadAllowed = options.Tolerance,
            BehindAllowed = options.Tolerance + (_stopped * options.Rate),
            Troubles = _troubles,
            Divergences = counts.Divergences,
        });
        var stamps = state.NodeList().Count == 3 ? state.Stamps() : [];
        var silences = deaths.Where(x => x.LiveAt > 0 && x.How != "SIGSTOP").Select(x => state.SilenceOf(x, stamps)).ToList();
        return new TrialResult(
            verdict, counter, relay, watcher, offset, deaths, silences, counts, state.Engine,
            options.IsOurs ? domain.RecoveriesByEngine() : new SortedDictionary<string, int>(StringComparer.Ordinal),
            (Posix.Now(Posix.MonotonicClock) - start) / 1e9, verdict.Ok || !options.IsOurs ? "" : domain.LogTail(25));
    }

    private CounterOffset MeasureCounter(IReadOnlyList<Death> deaths, Witness witness)
    {
        if (_end == 0)
        {
            return CounterOffset.None;
        }
        var windows = deaths.Where(x => x.LiveAt > 0 && x.Victim is Victim.Counter or Victim.Master)
            .Select(x => (x.At, x.LiveAt + CatchUp)).ToList();
        // Its stamps are of the host's clock, for CRIU gives a restored process another monotonic one.
        var sinceEpoch = Posix.Now(Posix.RealtimeClock) - Posix.Now(Posix.MonotonicClock);
        return CounterClock.Measure(
            [.. witness.Lines.Select(x => x[1] - sinceEpoch)], [.. witness.Lines.Select(x => x[0])], options.Rate, _end,
            windows, [.. _freezes.Select(x => (x.From, x.To + CatchUp))], _withheld.Between);
    }

    private Witness Read(Victim role, int columns)
    {
        var path = state.NodeList().FirstOrDefault(x => x.Role == role)?.Witness.Path;
        return Witness.Parse(path is not null && File.Exists(path) ? File.ReadAllText(path) : "", columns);
    }

    private void FollowWitnesses()
    {
        var freezing = 0L;
        while (!_over)
        {
            foreach (var node in state.NodeList())
            {
                node.Witness.Read();
                if (node.Role == Victim.Counter)
                {
                    _withheld.Sample(node.Pid);
                }
                if (node.Role == Victim.Counter && node.IsHeldBack != (freezing != 0))
                {
                    var now = Posix.Now(Posix.MonotonicClock);
                    if (freezing != 0)
                    {
                        _freezes.Add((freezing, now));
                    }
                    freezing = freezing == 0 ? now : 0;
                }
            }
            Thread.Sleep(1);
        }
        foreach (var node in state.NodeList())
        {
            node.Witness.Read();
            node.Witness.Dispose();
        }
    }

    private void Trouble(string text)
    {
        _troubles.Add(text);
        state.Say(text);
    }

    private static string TailOf(NodeProcess node)
    {
        var text = File.Exists(node.Output) ? File.ReadAllText(node.Output).TrimEnd() : "";
        return text.Length == 0 ? "it said nothing" : string.Join('\n', text.Split('\n').TakeLast(8));
    }

    private static string Name(NodeProcess node) => node.Role.ToString().ToLowerInvariant();
}
