using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests;

/// <summary>A test that mounts something or gives a process other rights; root of a container may neither. Skipped there.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class AdministratorFactAttribute : FactAttribute
{
    private const int SysAdmin = 21;

    public AdministratorFactAttribute()
    {
        if (!IsAdministrator)
        {
            Skip = "needs root with CAP_SYS_ADMIN";
        }
    }

    public static bool IsAdministrator { get; } = Posix.UserId == 0 && (RightsReader.Own.Effective >> SysAdmin & 1) != 0;
}
