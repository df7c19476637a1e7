using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines.Criu;

/// <summary>Process images by CRIU (https://criu.org), run as a program.</summary>
public sealed class CriuEngine(string? named) : ISnapshotEngine
{
    private static readonly TimeSpan s_lockPatience = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan s_endPatience = TimeSpan.FromSeconds(2);
    private readonly object _gate = new();
    private volatile bool _stopping;
    private CriuProgram? _program;
    private EngineCheck? _check;

    public string Name => "criu";

    /// <summary>What a dump or restore of nothing may take; more is added by size.</summary>
    internal TimeSpan LeastLimit { get; init; } = CriuRun.LimitFor(0);

    /// <summary>Finds CRIU and asks it whether this kernel will do; asked once.</summary>
    public EngineCheck Check()
    {
        lock (_gate)
        {
            return _check ??= DoCheck();
        }
    }

    public SnapshotResult Dump(DumpOrder order)
    {
        var (pid, folder, stdio) = order;
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
        if (Capabilities.LacksBoundsOf(pid) is { } lacking)
        {
            return SnapshotResult.Failed(lacking);
        }
        try
        {
            var external = stdio.Descriptors
                .Select(x => ProcessProbe.Link($"/proc/{pid}/fd/{x.Number}"))
                .Select(External).OfType<string>().Distinct();
            var limit = LimitFor(ProcessProbe.ResidentBytes(pid));
            using var opened = folder.OpenFolder();
            var end = CriuRun.Run(
                _program.Path, CriuCommand.Dump(pid, opened.DescriptorPath, external, _program.Unprivileged), [opened.Descriptor], limit,
                () => ProcessProbe.HasEnded(pid), () => _stopping);
            if (end.Status == 0)
            {
                CriuImages.MendMappings(folder);
                var stats = folder / "stats-dump";
                var doubt = CriuRefusal.Doubt(CriuImages.ReadFiles(folder));
                return new SnapshotResult(true, false, false, doubt, stats.Exists ? CriuImages.Frozen(stats.ReadAll(1 << 20)) : 0);
            }
            var lines = CriuCommand.Errors(folder / "dump.log");
            var errors = string.Join(" | ", lines);
            return SnapshotResult.Failed(
                end.IsOverdue ? $"criu dump did not end in {limit.TotalSeconds:F0} s: {errors}"
                    : end.WasKilled ? $"criu dump ended with status {end.Status}: {errors}"
                    : CriuRefusal.Explain(pid, lines),
                retry: !end.WasKilled && IsSocketTrouble(errors), harmed: end.WasKilled);
        }
        catch (OperationCanceledException)
        {
            return SnapshotResult.Failed("the master stops");
        }
        catch (IOException e)
        {
            return SnapshotResult.Failed(e.Message);
        }
    }

    public RestoreResult Restore(RestoreOrder order)
    {
        if (!Check().Usable || _program is null || order.SnapshotFolder is not { } folder)
        {
            return RestoreResult.Failed(Check().Why);
        }
        if (!order.RunFolder.Folder.IsInPlace)
        {
            // CRIU opens what the process had open by its path.
            return RestoreResult.Failed($"{order.RunFolder.FullName} is another folder by now, or is not to be trusted");
        }
        try
        {
            using var plan = CriuRestorePlan.Make(order, CriuImages.ReadFiles(folder));
            using var opened = folder.OpenFolder();
            var log = folder / "restore.log";
            log.Unlink();
            var limit = LimitFor(folder.Children(folders: false).Sum(x => x.Facts?.Size ?? 0));
            CriuEnd end;
            var held = RestoreLock.Take(order.LockFile, s_lockPatience);
            try
            {
                end = CriuRun.Run(
                    _program.Path, CriuCommand.Restore(opened.DescriptorPath, plan.Inherited, _program.Unprivileged),
                    plan.Inherited.Select(x => x.Descriptor).Append(held).Append(opened.Descriptor), limit, () => false, () => _stopping);
            }
            finally
            {
                Posix.Close(held);
            }
            if (end.Status == 0)
            {
                return new RestoreResult(order.Pid, "");
            }
            EndHalf(order);
            var errors = string.Join(" | ", CriuCommand.Errors(log));
            return end.IsOverdue
                ? RestoreResult.Failed($"criu restore did not end in {limit.TotalSeconds:F0} s: {errors}", again: false)
                : RestoreResult.Failed($"criu restore ended with status {end.Status}: {errors}");
        }
        catch (IOException e)
        {
            return RestoreResult.Failed(e.Message);
        }
    }

    public void Stop() => _stopping = true;

    private TimeSpan LimitFor(long bytes) => LeastLimit + CriuRun.LimitFor(bytes) - CriuRun.LimitFor(0);

    /// <summary>
    /// Half a process may be left: our child, since it is CRIU's sibling, with what is below it, and would keep the process id
    /// taken; and helpers of CRIU, which have the lock.
    /// </summary>
    private static void EndHalf(RestoreOrder order)
    {
        var ended = new List<int> { order.Pid };
        if (ProcessProbe.StateOf(order.Pid) is { } half && half.Parent == Environment.ProcessId)
        {
            ended.AddRange(ProcessTree.Kill(order.Pid));
            ProcessTree.Collect(ended, s_endPatience);
        }
        try
        {
            Posix.Close(RestoreLock.Take(order.LockFile, TimeSpan.Zero));
        }
        catch (IOException)
        {
            // The next restore tries once more, and says what it finds.
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
        // It needs none of that file where it may choose a process id as it makes the process, which it does.
        if (text.Split('\n').Where(x => x.Contains("Error", StringComparison.Ordinal)).ToList() is { Count: > 0 } errors
            && errors.All(x => x.Contains("ns_last_pid", StringComparison.Ordinal)) && Capabilities.Lacking() is null)
        {
            return new EngineCheck(true, why);
        }
        var line = text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .LastOrDefault(x => x.Contains("Error", StringComparison.Ordinal)) ?? text.Trim();
        _program = null;
        return new EngineCheck(false, $"{why} says that this kernel will not do (criu check): {line}");
    }
}
