using System.Diagnostics;

namespace RmwCkpt.Log.Tests;

/// <summary>A test that acts as another user, which root alone can; skipped elsewhere.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RootFactAttribute : FactAttribute
{
    public const uint Nobody = 65534;

    public RootFactAttribute()
    {
        if (Environment.UserName != "root" || !File.Exists("/usr/bin/setpriv"))
        {
            Skip = "it acts as another user: needs root and setpriv";
        }
    }

    /// <summary>Runs a command of the shell as nobody, who has no rights here.</summary>
    public static void AsNobody(string command)
    {
        using var shell = Process.Start(
            "setpriv", [$"--reuid={Nobody}", $"--regid={Nobody}", "--clear-groups", "sh", "-ec", command]);
        shell.WaitForExit();
        Assert.Equal(0, shell.ExitCode);
    }
}
