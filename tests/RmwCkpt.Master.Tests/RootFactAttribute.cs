using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests;

/// <summary>A test that needs root; skipped elsewhere.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RootFactAttribute : FactAttribute
{
    public RootFactAttribute()
    {
        if (Posix.UserId != 0)
        {
            Skip = "needs root";
        }
    }
}
