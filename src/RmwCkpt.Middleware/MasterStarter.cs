using System.Diagnostics;
using System.Net.Sockets;
using RmwCkpt.Memory;
using RmwCkpt.Registry;
using RmwCkpt.Registry.Protocol;

namespace RmwCkpt.Middleware;

/// <summary>
/// Sees to it that a domain has a master, and never two: the master holds a lock on a file, and whoever gets that lock
/// starts the next master and hands it the locked descriptor.
/// </summary>
public static class MasterStarter
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Where the program is; found beside the library unless a test or an unusual host says otherwise.</summary>
    public static string? Program { get; set; }

    /// <summary>Calls the master, starting it if need be, for at most ten seconds.</summary>
    /// <exception cref="RegistryException">It refused, or there is none to be had.</exception>
    public static Reply CallOrStart(RunFolder folder, RegistryClient registry, Request request, TimeSpan timeout)
    {
        var watch = Stopwatch.StartNew();
        for (var pause = 1; ; pause = Math.Min(pause * 2, 20))
        {
            try
            {
                return registry.Call(request, timeout);
            }
            catch (RegistryException e) when (e.NoMaster && watch.Elapsed < s_patience && !IsTimeout(e))
            {
                TryStart(folder);
                Thread.Sleep(pause);
            }
        }
    }

    /// <summary>Waits for the master's death and starts the next one.</summary>
    public static void StartWhenGone(RunFolder folder, Func<bool> isOver)
    {
        var fd = OpenLock(folder);
        try
        {
            Posix.Lock(fd, wait: true);
            if (!isOver())
            {
                Start(folder, fd);
            }
        }
        finally
        {
            Posix.Close(fd);
        }
    }

    private static bool IsTimeout(RegistryException e) =>
        e.InnerException is SocketException { SocketErrorCode: SocketError.TimedOut or SocketError.WouldBlock };

    private static void TryStart(RunFolder folder)
    {
        var fd = OpenLock(folder);
        try
        {
            if (Posix.Lock(fd, wait: false))
            {
                Start(folder, fd);
            }
        }
        finally
        {
            Posix.Close(fd);
        }
    }

    private static int OpenLock(RunFolder folder) =>
        Posix.Open(folder.Lock, Posix.ReadWrite | Posix.Make | Posix.CloseOnExec, 0x180);

    private static void Start(RunFolder folder, int locked)
    {
        var program = Program ?? Environment.GetEnvironmentVariable("RMW_CKPT_PROGRAM");
        if (string.IsNullOrEmpty(program) || !File.Exists(program))
        {
            throw new RegistryException(
                $"the rmw_ckpt program is not where it should be ('{program}'): build and source the workspace again, "
                + "or set RMW_CKPT_PROGRAM", noMaster: false);
        }
        Posix.StartDaemon(program, ["master", "--domain", $"{folder.Domain}", "--lock-fd", "3"], locked);
    }
}
