using System.Diagnostics;
using RmwCkpt.Memory;

namespace RmwCkpt.Tests;

/// <summary>Runs where a small file system can be mounted: as root, but not as a container's.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SmallFileSystemFactAttribute : FactAttribute
{
    private const int SysAdmin = 21;

    public SmallFileSystemFactAttribute()
    {
        if (!MayMount)
        {
            Skip = "mounting a small tmpfs needs root with CAP_SYS_ADMIN";
        }
    }

    public static bool MayMount { get; } = Posix.UserId == 0 && (Capabilities() >> SysAdmin & 1) != 0;

    private static ulong Capabilities() => Convert.ToUInt64(
        File.ReadLines("/proc/self/status").First(x => x.StartsWith("CapEff:", StringComparison.Ordinal))[7..].Trim(), 16);
}

/// <summary>A tmpfs of a test's own, where one can be mounted; else a folder that no test uses.</summary>
internal sealed class SmallFileSystem : IDisposable
{
    /// <param name="size">As mount(8) has it: 1m.</param>
    public SmallFileSystem(string size)
    {
        if (SmallFileSystemFactAttribute.MayMount)
        {
            Run("mount", "-t", "tmpfs", "-o", $"size={size},mode=700", "tmpfs", At);
        }
    }

    public string At { get; } = Directory.CreateTempSubdirectory("rmw_ckpt-full").FullName;

    private string Ballast => Path.Combine(At, "ballast");

    /// <summary>Somebody else takes all but so many bytes.</summary>
    public void Fill(long free) => Take(new DriveInfo(At).AvailableFreeSpace - free);

    /// <summary>Somebody else takes so many bytes.</summary>
    public void Take(long bytes)
    {
        using var file = new FileStream(Ballast, FileMode.Append, FileAccess.Write, FileShare.None, 0);
        file.Write(new byte[bytes]);
    }

    /// <summary>There is room again.</summary>
    public void Empty() => File.Delete(Ballast);

    public void Dispose()
    {
        if (SmallFileSystemFactAttribute.MayMount)
        {
            Run("umount", "-l", At);
        }
        Directory.Delete(At);
    }

    private static void Run(string command, params string[] arguments)
    {
        using var process = Process.Start(command, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
