using System.Globalization;
using RmwCkpt.Memory;

namespace RmwCkpt.Domain;

/// <summary>
/// How a domain's master is started, and never two: the master holds a lock on a file, and whoever gets that lock starts the
/// next master and hands it the locked descriptor.
/// </summary>
public static class MasterProcess
{
    /// <summary>Starts a master if there is none.</summary>
    /// <param name="wait">Waits for the death of the one that there is.</param>
    /// <param name="program">Asked once the lock is there; null: none is to be started after all.</param>
    /// <exception cref="PosixException">The lock's file cannot be opened, or the program not be started.</exception>
    public static void Start(RunFolder folder, bool wait, Func<string?> program)
    {
        var fd = folder.Lock.Open(Posix.ReadWrite | Posix.Make);
        try
        {
            // Who had it may have ended because the file was removed; then it is no lock any more.
            if (Posix.Lock(fd, wait) && Posix.Facts(fd)?.Id == folder.Lock.Facts?.Id && program() is { } path)
            {
                var domain = folder.Domain.ToString(CultureInfo.InvariantCulture);
                Posix.StartDaemon(path, ["master", "--domain", domain, "--lock-fd", "3"], fd);
            }
        }
        finally
        {
            Posix.Close(fd);
        }
    }
}
