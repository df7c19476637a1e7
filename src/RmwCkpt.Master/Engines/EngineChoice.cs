namespace RmwCkpt.Master.Engines;

/// <summary>
/// Which engine is used, by RMW_CKPT_ENGINE and by what can work here. To ask CRIU takes far longer than a node should wait
/// for its master, so it is done
/// later; who needs the answer first waits for it.
/// </summary>
public sealed class EngineChoice
{
    private readonly Lazy<(ISnapshotEngine Engine, string Why)> _chosen;

    public EngineChoice(MasterOptions options) => _chosen = new(() => Choose(options));

    public EngineChoice(ISnapshotEngine engine) => _chosen = new((engine, engine.Check().Why));

    public ISnapshotEngine Engine => _chosen.Value.Engine;

    public string Why => _chosen.Value.Why;

    /// <summary>Whether it takes images.</summary>
    public bool HasImages => Engine is not NoneEngine;

    /// <summary>Finds out on a thread of its own, after a while: the nodes that start now need the processors more.</summary>
    public async Task Prepare(TimeSpan after, Action<EngineChoice> known)
    {
        await Task.Delay(after).ConfigureAwait(false);
        _ = _chosen.Value;
        known(this);
    }

    private static (ISnapshotEngine Engine, string Why) Choose(MasterOptions options)
    {
        if (options.Engine == "none")
        {
            return (new NoneEngine(), "RMW_CKPT_ENGINE=none");
        }
        var criu = new CriuEngine(options.CriuProgram);
        var check = criu.Check();
        // Also when criu was asked for by name: a node that cannot be snapshot is better started again than not at all.
        return check.Usable ? (criu, check.Why) : (new NoneEngine(), check.Why);
    }
}
