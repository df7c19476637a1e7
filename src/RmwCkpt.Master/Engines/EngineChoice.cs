using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines.Criu;
using RmwCkpt.Master.Hosting;

namespace RmwCkpt.Master.Engines;

/// <summary>
/// Which engine a process has, by its policy and by what can work here. To ask CRIU takes far longer than a node should wait
/// for its master, so it is done later, and only if a process asks for it; who needs the answer first waits for it.
/// </summary>
public sealed class EngineChoice
{
    private static readonly ISnapshotEngine s_none = new NoneEngine();
    private readonly ForkEngine _fork = new();
    private readonly Lazy<(ISnapshotEngine Engine, string Why)> _chosen;

    public EngineChoice(MasterOptions options) => _chosen = new(() => Choose(options));

    public EngineChoice(ISnapshotEngine engine) => _chosen = new((engine, engine.Check().Why));

    public ISnapshotEngine Engine => _chosen.Value.Engine;

    public string Why => _chosen.Value.Why;

    /// <summary>The engine of a process that asks for this.</summary>
    public ISnapshotEngine For(Policy policy) => policy.Engine switch
    {
        EnginePolicy.None => s_none,
        EnginePolicy.Fork => _fork,
        _ => Engine,
    };

    /// <summary>Whether it takes images of a process that asks for this.</summary>
    public bool HasImages(Policy policy) => For(policy) is not NoneEngine;

    /// <summary>The engine that is said to be a domain's whose processes ask for these: the best that one of them has.</summary>
    public (ISnapshotEngine Engine, string Why) Of(IReadOnlyCollection<Policy> policies) =>
        policies.Count == 0 || policies.Any(x => x.Engine is not (EnginePolicy.None or EnginePolicy.Fork)) ? _chosen.Value
            : policies.Any(x => x.Engine == EnginePolicy.Fork) ? (_fork, "RMW_CKPT_ENGINE=fork")
            : (s_none, "RMW_CKPT_ENGINE=none");

    /// <summary>The master ends: see <see cref="ISnapshotEngine.Stop"/>.</summary>
    public void Stop()
    {
        _fork.Stop();
        if (_chosen.IsValueCreated)
        {
            Engine.Stop();
        }
    }

    /// <summary>Finds out on a thread of its own, after a while: the nodes that start now need the processors more.</summary>
    public async Task Prepare(TimeSpan after, Func<IReadOnlyCollection<Policy>> policies, Action<string, string> known)
    {
        await Task.Delay(after).ConfigureAwait(false);
        var (engine, why) = Of(policies());
        known(engine.Name, why);
    }

    private static (ISnapshotEngine Engine, string Why) Choose(MasterOptions options)
    {
        var criu = new CriuEngine(options.CriuProgram);
        var check = criu.Check();
        // Also when criu was asked for by name: a node that cannot be snapshot is better started again than not at all.
        return check.Usable ? (criu, check.Why) : (new NoneEngine(), check.Why);
    }
}
