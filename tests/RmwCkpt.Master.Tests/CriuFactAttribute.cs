using RmwCkpt.Master.Engines;

namespace RmwCkpt.Master.Tests;

/// <summary>A test that needs CRIU; skipped, with the reason, where that cannot work.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CriuFactAttribute : FactAttribute
{
    private static readonly Lazy<CriuEngine> s_engine =
        new(() => new CriuEngine(Environment.GetEnvironmentVariable("RMW_CKPT_CRIU")));

    public CriuFactAttribute()
    {
        if (!Engine.Check().Usable)
        {
            Skip = Engine.Check().Why;
        }
    }

    public static CriuEngine Engine => s_engine.Value;
}
