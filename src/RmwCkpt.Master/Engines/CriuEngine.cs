using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines;

/// <summary>Process images by CRIU (https://criu.org), run as a program.</summary>
public sealed class CriuEngine(string? named) : ISnapshotEngine
{
    private readonly object _gate = new();
    private CriuProgram? _program;
    private EngineCheck? _check;

    public string Name => "criu";

    /// <summary>Finds CRIU and asks it whether this kernel will do; asked once.</summary>
    public EngineCheck Check()
    {
        lock (_gate)
        {
            return _check ??= DoCheck();
        }
    }

    public SnapshotResult Dump(int pid, string folder, HeldStdio stdio)
    {
        if (!Check().Usable || _program is null)
        {
            return SnapshotResult.Failed(Check().Why);
        }
        if (ProcessProbe.StateOf(pid) is { Session: 0 })
        {
            return SnapshotResult.Failed(
                "its session's leader is outside of this pid namespace, which CRIU cannot dump: start it in a session of its own "
                + "(setsid --wait COMMAND)");
        }
        try
        {
            var external = stdio.Descriptors
                .Select(x => ProcessProbe.Link($"/proc/{pid}/fd/{x.Number}"))
                .Select(External).OfType<string>().Distinct();
            var status = CriuCommand.Run(_program.Path, CriuCommand.Dump(pid, folder, external, _program.Unprivileged), [],
                () => ProcessProbe.HasEnded(pid));
            if (status == 0)
            {
                var stats = Path.Combine(folder, "stats-dump");
                return new SnapshotResult(true, false, false, "", File.Exists(stats) ? CriuImages.Frozen(File.ReadAllBytes(stats)) : 0);
            }
            var errors = CriuCommand.Errors(Path.Combine(folder, "dump.log"));
            return SnapshotResult.Failed(
                $"criu dump ended with status {status}: {errors}", retry: IsSocketTrouble(errors), harmed: status >= 128);
        }
        catch (IOException e)
        {
            return SnapshotResult.Failed(e.Message);
        }
    }

    public RestoreResult Restore(RestoreOrder order)
    {
        if (!Check().Usable || _program is null)
        {
            return RestoreResult.Failed(Check().Why);
        }
        try
        {
            using var plan = CriuRestorePlan.Make(order, CriuImages.ReadFiles(order.SnapshotFolder));
            var log = Path.Combine(order.SnapshotFolder, "restore.log");
            Posix.TryUnlink(log);
            var status = Locked(order.LockFile, held => CriuCommand.Run(
                _program.Path, CriuCommand.Restore(order.SnapshotFolder, plan.Inherited, _program.Unprivileged),
                plan.Inherited.Select(x => x.Descriptor).Append(held), () => false));
            if (status == 0)
            {
                return new RestoreResult(order.Pid, "");
            }
            // Half a process may be left, our child since it is CRIU's sibling, and would keep the process id taken.
            if (ProcessProbe.StateOf(order.Pid) is { } half && half.Parent == Environment.ProcessId)
            {
                Posix.Kill(order.Pid, Posix.SigKill);
            }
            Posix.Reap(order.Pid, out _);
            return RestoreResult.Failed($"criu restore ended with status {status}: {CriuCommand.Errors(log)}");
        }
        catch (IOException e)
        {
            return RestoreResult.Failed(e.Message);
        }
    }

    /// <summary>
    /// Waits until no restore of a process is under way any more that a killed master began: CRIU has the lock's descriptor
    /// from its master, and goes on without it.
    /// </summary>
    public static void AwaitRestore(string lockFile, TimeSpan patience)
    {
        if (!File.Exists(lockFile))
        {
            return;
        }
        var fd = Posix.Open(lockFile, Posix.ReadWrite | Posix.CloseOnExec, 0);
        try
        {
            for (var waited = 0; waited < patience.TotalMilliseconds && !Posix.Lock(fd, wait: false); waited += 5)
            {
                Thread.Sleep(5);
            }
        }
        finally
        {
            Posix.Close(fd);
        }
    }

    private static T Locked<T>(string path, Func<int, T> action)
    {
        PrivateFolder.Make(Path.GetDirectoryName(path)!);
        var fd = Posix.Open(path, Posix.ReadWrite | Posix.Make | Posix.CloseOnExec, 0x180);
        try
        {
            Posix.Lock(fd, wait: true);
            return action(fd);
        }
        finally
        {
            Posix.Close(fd);
        }
    }

    /// <summary>What CRIU must be told is not the process' own, or null.</summary>
    private static string? External(string target)
    {
        switch (HeldStdio.KindOf(target))
        {
            case StdioKind.Terminal:
                var (device, fileSystem) = Posix.TerminalId(target);
                return CriuCommand.TerminalKey(device, fileSystem);
            case StdioKind.Socket:
                return "unix[" + target["socket:[".Length..];
            default:
                return null;
        }
    }

    private static bool IsSocketTrouble(string errors) =>
        errors.Contains("unix", StringComparison.OrdinalIgnoreCase) || errors.Contains("sk-", StringComparison.Ordinal);

    private EngineCheck DoCheck()
    {
        _program = CriuFinder.Find(named, out var why);
        if (_program is null)
        {
            return new EngineCheck(false, why);
        }
        var (status, text) = CriuFinder.Output(_program.Path, _program.Unprivileged ? ["check", "--unprivileged"] : ["check"]);
        if (status == 0)
        {
            CriuKernelCache.Ensure(_program.Path);
            return new EngineCheck(true, why);
        }
        var line = text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .LastOrDefault(x => x.Contains("Error", StringComparison.Ordinal)) ?? text.Trim();
        _program = null;
        return new EngineCheck(false, $"{why} says that this kernel will not do (criu check): {line}");
    }
}
