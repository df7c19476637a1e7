namespace RmwCkpt.Master.Engines;

/// <summary>Which engine is used, by RMW_CKPT_ENGINE and by what can work here.</summary>
public static class EngineChoice
{
    public static (ISnapshotEngine Engine, string Why) Choose(MasterOptions options)
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
