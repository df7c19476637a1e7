using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using RmwCkpt.Domain;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Recovery;
using RmwCkpt.Master.Sweeping;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Hosting;

/// <summary>`rmw_ckpt master`: the process around a <see cref="Master"/>.</summary>
public static class MasterProgram
{
    /// <summary>After so long without any process a master ends.</summary>
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Runs until told to stop. <paramref name="lockDescriptor"/>: an open master.lock that is locked already (by the
    /// client that found the last master dead), or -1 to take the lock here.
    /// </summary>
    /// <param name="tell">Told why it does not run; in the foreground, without a descriptor, also what it logs.</param>
    /// <returns>The exit status: 0, or 1 with the reason told.</returns>
    public static int Run(int domain, int lockDescriptor, Action<string> tell)
    {
        TimeNamespace.Leave();
        var since = Stopwatch.StartNew();
        var folder = RunFolder.For(domain);
        try
        {
            folder.Ensure();
            if (TakeLock(folder, lockDescriptor, out var held) is { } holder)
            {
                tell(holder);
                return 1;
            }
            ProcessAttributes.Reset();
            var options = MasterOptions.FromEnvironment(Settings.OfProcess);
            if (options.KeepsOnDisk)
            {
                folder.EnsureState();
            }
            var foreground = lockDescriptor < 0;
            Detach(foreground);
            using var provider = new FileLoggerProvider(
                folder.MasterLog, options.LogLevel, foreground ? line => tell(line.TrimEnd()) : null);
            return Run(folder, options, provider.CreateLogger("master"), since, foreground, held);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            tell(e.Message);
            return 1;
        }
    }

    private static int Run(RunFolder folder, MasterOptions options, ILogger log, Stopwatch since, bool foreground, int held)
    {
        using var told = new CancellationTokenSource();
        using var master = new Master(folder, options, new EngineChoice(options), new ProcessProbe(), log);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = foreground ? PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop) : null;
        AppDomain.CurrentDomain.UnhandledException += (_, e) =>
            log.Unexpected("the master", e.ExceptionObject as Exception ?? new InvalidOperationException("unknown"));
        try
        {
            master.Start(since);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Unexpected("starting", e);
            throw;
        }
        var isDeserted = false;
        while (!master.Stopped.Wait(s_idle / 2))
        {
            // Whoever comes next starts the next one.
            if (!foreground && master.IdleFor > s_idle)
            {
                isDeserted = true;
                master.Stop($"no process has been here for {s_idle.TotalSeconds:F0} s");
            }
        }
        log.Stopping(master.Stopped.Result);
        if (isDeserted)
        {
            PrivateDomains.Sweep(folder, Settings.OfProcess);
        }
        master.HandOn(() => Posix.Close(held), Handover.Limit, told.Token);
        return 0;

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            told.Cancel();
            master.Stop(context.Signal.ToString());
        }
    }

    /// <summary>
    /// Takes the domain's lock until the descriptor is closed, which it is not as long as there is the folder. Its holder's
    /// process id is written into the file for those who find it held.
    /// </summary>
    /// <returns>Null, or who holds it.</returns>
    private static string? TakeLock(RunFolder folder, int passed, out int fd)
    {
        fd = passed >= 0 ? passed : folder.Lock.Open(Posix.ReadWrite | Posix.Make);
        if (passed >= 0)
        {
            Posix.CloseWhenExecuted(passed);
            if (Posix.Facts(passed)?.Id != folder.Lock.Facts?.Id)
            {
                return $"{folder.Run} is another folder than that of the process that starts this master: it was moved or removed";
            }
        }
        if (!Posix.Lock(fd, wait: false))
        {
            var holder = Posix.ReadSmall(fd).Trim();
            return $"domain {folder.Domain} has a master already"
                + (holder.Length > 0 ? $", process {holder}" : "") + $" (it holds {folder.Lock.FullName})";
        }
        // Of one size for ever: nodes have it open, and CRIU compares sizes.
        Posix.Rewrite(fd, Posix.ProcessId.ToString(CultureInfo.InvariantCulture).PadRight(19) + "\n");
        return null;
    }

    private static void Detach(bool foreground)
    {
        if (!foreground)
        {
            Environment.CurrentDirectory = "/";
            Posix.Ignore(Posix.SigHup);
            Posix.Ignore(Posix.SigInt);
        }
        Posix.RaiseDescriptorLimit();
        Posix.Ignore(Posix.SigPipe);
        Posix.BecomeSubreaper();
    }
}
