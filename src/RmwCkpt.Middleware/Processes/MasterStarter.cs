using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Middleware.Processes;

/// <summary>Sees to it that a domain has a master. Thread-safe.</summary>
public sealed class MasterStarter
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private readonly ConcurrentDictionary<string, MasterTries> _tries = new();

    /// <summary>Where the program is; found beside the library unless a test or an unusual host says otherwise.</summary>
    public string? Program { get; set; }

    /// <summary>What this process knows of the masters of a domain that it started.</summary>
    internal MasterTries TriesOf(RunFolder folder) => _tries.GetOrAdd(folder.Run, _ => new MasterTries());

    /// <summary>Calls the master, starting it if need be, for at most ten seconds.</summary>
    /// <exception cref="RegistryException">It refused, or there is none to be had.</exception>
    public Reply CallOrStart(RunFolder folder, RegistryClient registry, Request request, TimeSpan timeout)
    {
        var watch = Stopwatch.StartNew();
        var tries = TriesOf(folder);
        for (var pause = 1; ; pause = Math.Min(pause * 2, 20))
        {
            try
            {
                return registry.Call(request, timeout);
            }
            catch (RegistryException e) when (e.NoMaster && (tries.HasFailed || watch.Elapsed >= s_patience)
                && ProcessTable.WhyNot(folder) is { } why)
            {
                // No master starts over the living nodes of another version.
                throw new RegistryException(why, noMaster: true, e);
            }
            catch (RegistryException e) when (e.NoMaster && watch.Elapsed < s_patience && !IsTimeout(e))
            {
                // Somebody may have removed it.
                folder.Ensure();
                MasterProcess.Start(folder, wait: false, () => NextProgram(folder, isAsked: true));
                Thread.Sleep(pause);
            }
        }
    }

    /// <summary>Waits for the master's death and starts the next one, if it may be tried (<see cref="MasterTries"/>).</summary>
    /// <exception cref="IOException">It would refuse the folder, for others could change what its path leads to by now.</exception>
    public void StartWhenGone(RunFolder folder, Func<bool> isOver) => MasterProcess.Start(
        folder, wait: true,
        () => isOver() ? null
            : folder.Folder.WhyBarred is { } why ? throw new IOException(why)
            : NextProgram(folder, isAsked: false));

    private string? NextProgram(RunFolder folder, bool isAsked) =>
        FindProgram() is var program && TriesOf(folder).TryBegin(folder, isAsked) ? program : null;

    private static bool IsTimeout(RegistryException e) =>
        e.InnerException is SocketException { SocketErrorCode: SocketError.TimedOut or SocketError.WouldBlock };

    /// <exception cref="RegistryException">It is not there.</exception>
    internal string FindProgram()
    {
        var program = Program ?? Settings.OfProcess.Text(Settings.Program);
        if (string.IsNullOrEmpty(program) || !File.Exists(program))
        {
            throw new RegistryException(
                $"the rmw_ckpt program is not where it should be ('{program}'): build and source the workspace again, "
                + "or set RMW_CKPT_PROGRAM", noMaster: false);
        }
        return program;
    }
}
