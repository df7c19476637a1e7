using System.Globalization;
using RmwCkpt.Memory;
using RmwCkpt.Registry;

namespace RmwCkpt.Master;

/// <summary>
/// Domains of one process each, which has discovery off: nobody else can find what is in them, so they go with it. The
/// number has the process id (rmw_ckpt/src/init.cpp).
/// </summary>
internal static class PrivateDomains
{
    private const int First = 0x40000000;

    /// <summary>Removes the folders of such a domain whose master ends, and those whose process and master were killed.</summary>
    public static void Sweep(RunFolder ended)
    {
        if (ended.Domain < First)
        {
            return;
        }
        Remove(ended);
        // RUN is .../DOMAIN or .../DOMAIN/run.
        var isNested = Path.GetFileName(ended.Run) == "run";
        var parent = Path.GetDirectoryName(isNested ? Path.GetDirectoryName(ended.Run)! : ended.Run)!;
        foreach (var path in Directory.EnumerateDirectories(parent))
        {
            if (int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var domain)
                && domain >= First && !Directory.Exists($"/proc/{domain - First}"))
            {
                var folder = RunFolder.For(domain);
                if (!IsHeld(Path.Combine(folder.Run, "master.lock")))
                {
                    Remove(folder);
                }
            }
        }
    }

    private static bool IsHeld(string path)
    {
        try
        {
            var fd = Posix.Open(path, Posix.ReadWrite | Posix.CloseOnExec, 0);
            try
            {
                return !Posix.Lock(fd, wait: false);
            }
            finally
            {
                Posix.Close(fd);
            }
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static void Remove(RunFolder folder)
    {
        foreach (var path in new[] { folder.Run, folder.State }.Where(x => x.Length > 0))
        {
            try
            {
                Directory.Delete(path, recursive: true);
                if (Path.GetFileName(Path.GetDirectoryName(path)) == folder.Domain.ToString(CultureInfo.InvariantCulture))
                {
                    Directory.Delete(Path.GetDirectoryName(path)!);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It is gone already, or the other of the two is still in it.
            }
        }
    }
}
