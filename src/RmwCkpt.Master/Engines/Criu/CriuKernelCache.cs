using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines.Criu;

/// <summary>
/// CRIU probes the kernel at each start, for 40 to 60 ms, unless /run/criu.kdat tells what it found the last time. It keeps
/// that file only where /run is a tmpfs, so that it does not outlive its kernel; in containers it often is none. There the
/// file is made once in each boot: by CRIU itself, in a mount namespace with a tmpfs for /run.
/// </summary>
internal static class CriuKernelCache
{
    private const string Cache = "/run/criu.kdat";
    private const int LeastSize = 64;

    /// <summary>Makes the file where it is missing. A failure costs only those milliseconds: nothing is thrown.</summary>
    public static void Ensure(string program)
    {
        if (Posix.UserId != 0 || new DriveInfo("/run").DriveFormat == "tmpfs" || IsOfThisBoot())
        {
            return;
        }
        var temporary = $"{Cache}.{Environment.ProcessId}";
        try
        {
            const string Script = "mount -t tmpfs none /run && \"$0\" check >/dev/null 2>&1 && cat /run/criu.kdat";
            var (status, bytes) = CriuFinder.OutputBytes("/usr/bin/env", "unshare", "--mount", "sh", "-c", Script, program);
            if (status == 0 && bytes.Length >= LeastSize)
            {
                WritePrivate(temporary, bytes);
                File.Move(temporary, Cache, overwrite: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A /run that cannot be written to: CRIU probes each time.
        }
    }

    private static void WritePrivate(string path, byte[] bytes)
    {
        using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        file.Write(bytes);
    }

    private static bool IsOfThisBoot() =>
        File.Exists(Cache) && File.GetLastWriteTimeUtc(Cache) > DateTime.UtcNow - TimeSpan.FromMilliseconds(Environment.TickCount64);
}
