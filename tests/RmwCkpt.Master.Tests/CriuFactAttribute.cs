using System.Runtime.CompilerServices;
using RmwCkpt.Master.Engines.Criu;

namespace RmwCkpt.Master.Tests;

/// <summary>A test that needs CRIU; skipped, with the reason, where that cannot work.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CriuFactAttribute : FactAttribute
{
    private static readonly Lazy<CriuEngine> s_engine =
        new(() => new CriuEngine(Environment.GetEnvironmentVariable("RMW_CKPT_CRIU") ?? OfWorkspace()));

    public CriuFactAttribute()
    {
        if (!Engine.Check().Usable)
        {
            Skip = Engine.Check().Why;
        }
    }

    public static CriuEngine Engine => s_engine.Value;

    /// <summary>The one that colcon/criu has made, wherever the tests were built.</summary>
    private static string? OfWorkspace([CallerFilePath] string source = "")
    {
        var path = Path.GetFullPath("../../.criu/bin/criu", Path.GetDirectoryName(source)!);
        return File.Exists(path) ? path : null;
    }
}
