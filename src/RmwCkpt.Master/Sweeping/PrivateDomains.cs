using System.Globalization;
using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Sweeping;

/// <summary>
/// Domains of one process each, which has discovery off: nobody else can find what is in them, so they go with it. The
/// number has the process id (rmw_ckpt/src/init.cpp).
/// </summary>
internal static class PrivateDomains
{
    private const int First = Settings.FirstPrivateDomain;

    /// <summary>Removes the folders of such a domain whose master ends, and those whose process and master were killed.</summary>
    /// <param name="settings">For the places of the others.</param>
    public static void Sweep(RunFolder ended, Settings settings)
    {
        if (ended.Domain < First)
        {
            return;
        }
        Remove(ended);
        // RUN is .../DOMAIN or .../DOMAIN/run.
        var isNested = Path.GetFileName(ended.Run) == "run";
        var parent = Path.GetDirectoryName(isNested ? Path.GetDirectoryName(ended.Run)! : ended.Run)!;
        // By path, for these are names only: each is then opened as every run folder is, and left alone if it is not ours.
        foreach (var path in Directory.EnumerateDirectories(parent))
        {
            if (int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var domain)
                && domain >= First && !Directory.Exists($"/proc/{domain - First}"))
            {
                using var folder = RunFolder.For(domain, settings);
                if (!IsHeld(folder))
                {
                    Remove(folder);
                }
            }
        }
    }

    /// <summary>Whether it has a master; what others could change is taken for such a one.</summary>
    private static bool IsHeld(RunFolder folder)
    {
        try
        {
            var fd = folder.Lock.Open(Posix.ReadWrite);
            try
            {
                return !Posix.Lock(fd, wait: false);
            }
            finally
            {
                Posix.Close(fd);
            }
        }
        catch (IOException e)
        {
            return e is not PosixException { Errno: Posix.Enoent };
        }
    }

    private static void Remove(RunFolder folder)
    {
        foreach (var path in new[] { folder.Run, folder.State }.Where(x => x.Length > 0))
        {
            try
            {
                using (var there = TrustedFolder.Open(path, make: false, ""))
                {
                    foreach (var name in there.Root.Names())
                    {
                        (there.Root / name).RemoveTree();
                    }
                }
                // By path again, for an empty folder is all that this can take.
                Directory.Delete(path);
                if (Path.GetFileName(Path.GetDirectoryName(path)) == folder.Domain.ToString(CultureInfo.InvariantCulture))
                {
                    Directory.Delete(Path.GetDirectoryName(path)!);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It is gone already, or not ours, or the other of the two is still in it.
            }
        }
    }
}
