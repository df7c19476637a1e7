using System.CommandLine;
using System.Globalization;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Engines.Criu;
using RmwCkpt.Master.Hosting;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Sweeping;
using RmwCkpt.Memory;

namespace RmwCkpt.Cli.Commands;

/// <summary>`rmw_ckpt doctor`: what works here, what does not, and what to do about it. Exit 1 when something must be done.</summary>
internal static class DoctorCommand
{
    private sealed record Finding(string What, bool Good, bool Needed, string Text);

    public static Command Make(CommonOptions common)
    {
        var command = new Command("doctor", "check what rmw_ckpt needs, and say what to do");
        command.SetAction(parsed =>
        {
            var findings = Examine(common.Folder(parsed)).ToList();
            if (common.WantsJson(parsed))
            {
                Output.Json(writer =>
                {
                    writer.WriteStartArray();
                    foreach (var finding in findings)
                    {
                        writer.WriteStartObject();
                        writer.WriteString("what", finding.What);
                        writer.WriteBoolean("good", finding.Good);
                        writer.WriteBoolean("needed", finding.Needed);
                        writer.WriteString("text", finding.Text);
                        writer.WriteEndObject();
                    }
                    writer.WriteEndArray();
                });
            }
            else
            {
                foreach (var finding in findings)
                {
                    var mark = finding.Good ? "[green]ok  [/]" : finding.Needed ? "[red]FAIL[/]" : "[yellow]note[/]";
                    Output.Line($"{mark} {Output.Cell(finding.What)}: {Output.Cell(finding.Text)}");
                }
            }
            return findings.Any(x => x.Needed && !x.Good) ? 1 : 0;
        });
        return command;
    }

    /// <summary>Bytes that a domain of some nodes with their snapshots does well with.</summary>
    private const long Comfortable = 256L << 20;

    private static IEnumerable<Finding> Examine(RunFolder folder)
    {
        var options = MasterOptions.FromEnvironment(Settings.OfProcess);
        var folders = Folders(folder, options.KeepsOnDisk);
        yield return folders;
        yield return Users();
        if (new RemoveIpc("/").Warning(folder.Run, Memory.Posix.UserId, Environment.UserName) is { } removed)
        {
            yield return new Finding("end of the session", false, false, removed);
        }
        if (folders.Good)
        {
            yield return InMemory(folder.Run);
        }
        if (options.KeepsOnDisk && folder.State.Length > 0)
        {
            yield return Space("state folder's space", folder.State, 256L << 20);
        }
        var settings = Settings.OfProcess;
        var policy = Policy.FromEnvironment(settings);
        foreach (var setting in Settings.OfUsers.Concat(Settings.Others))
        {
            if (settings.Text(setting) is { } text && setting.Complaint(text) is { } complaint)
            {
                yield return new Finding("environment", false, false, complaint);
            }
        }
        var kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        yield return new Finding(
            "kernel", KernelVersion(kernel) >= new Version(5, 9), true,
            $"{kernel}{(KernelVersion(kernel) < new Version(5, 9) ? ": 5.9 or later is needed (pidfds, clean checkpoints)" : "")}");
        var criu = new CriuEngine(options.CriuProgram).Check();
        yield return new Finding("criu", criu.Usable, policy.Engine == EnginePolicy.Criu, criu.Why);
        var rights = Capabilities.Lacking();
        yield return new Finding("rights for criu", rights is null, policy.Engine == EnginePolicy.Criu, rights ?? "they are there");
        yield return Yama();
        var ids = ProcessIds.WhyNot();
        yield return new Finding("process ids", ids is null, false, ids ?? "can be given again (tried)");
        var outside = Memory.Posix.SessionId == 0;
        yield return new Finding(
            "session", !outside, false,
            outside ? "its leader is outside of this pid namespace, so CRIU cannot dump what is started here: use setsid --wait" : "can be dumped");
        var fork = new ForkEngine().Check();
        var tried = fork.Usable ? ForkTrial.Run(ForkTrial.Program) : fork;
        yield return new Finding(
            "fork", tried.Usable, policy.Engine == EnginePolicy.Fork,
            tried.Usable ? $"a node's snapshot can be a child of it that sleeps ({tried.Why}): RMW_CKPT_ENGINE=fork" : tried.Why);
        var (engine, why) = new EngineChoice(options).Of([policy]);
        yield return new Finding(
            "engine", engine is not NoneEngine || policy.Engine == EnginePolicy.None, policy.Engine is EnginePolicy.Criu or EnginePolicy.Fork,
            engine is not NoneEngine
                ? $"{engine.Name}: {why}"
                : $"none ({why}). Nodes are recovered all the same: started again, they replay their journal from the beginning, "
                    + "which takes longer the longer they ran");
    }

    private static Finding Folders(RunFolder folder, bool keepsOnDisk)
    {
        try
        {
            folder.Ensure();
            if (!keepsOnDisk)
            {
                return new Finding("folders", true, true, $"{folder.Run} is private and writable");
            }
            folder.EnsureState();
            return new Finding("folders", true, true, $"{folder.Run} and {folder.State} are private and writable");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new Finding("folders", false, true, e.Message);
        }
    }

    /// <summary>Each user's nodes are among themselves, which who runs some as root may not know.</summary>
    private static Finding Users()
    {
        const string Prefix = "rmw_ckpt-";
        const string Shared = "/dev/shm";
        var own = Posix.UserId;
        var others = new List<string>();
        foreach (var path in Directory.Exists(Shared) ? Directory.EnumerateDirectories(Shared, Prefix + "*") : [])
        {
            if (uint.TryParse(Path.GetFileName(path)[Prefix.Length..], CultureInfo.InvariantCulture, out var user)
                && user != own && Posix.OwnerOf(path) is { } owner)
            {
                others.Add(Memory.Users.Describe(user) + (owner == user || owner == 0 ? "" : $" (taken by user {Memory.Users.Describe(owner)})"));
            }
        }
        return new Finding(
            "users", others.Count == 0, false,
            $"nodes of user {Memory.Users.Describe(own)} hear each other, and none of another user's, root's included"
            + (others.Count > 0 ? $"; there are nodes of {string.Join(", ", others)}: start those that belong together as one user" : ""));
    }

    /// <summary>What a domain may have of the file system in memory, and what that is enough for.</summary>
    private static Finding InMemory(string run)
    {
        try
        {
            var drive = new DriveInfo(run);
            var asked = Settings.OfProcess.Value(Settings.Memory);
            var budget = MemoryPlan.Budget(asked, drive.TotalSize);
            var facts = $"a domain may have {ByteSize.Show(budget)} for logs, journals and snapshots; {ByteSize.Show(drive.AvailableFreeSpace)} "
                + $"of {ByteSize.Show(drive.TotalSize)} are free at {run}";
            var isContainers = run.StartsWith("/dev/shm/", StringComparison.Ordinal) && drive.TotalSize <= 64L << 20;
            return new Finding(
                "memory", budget >= Comfortable && drive.AvailableFreeSpace >= budget, false,
                isContainers ? $"{facts}. That is a container's usual /dev/shm: nodes work, snapshots of most do not fit; docker run --shm-size=1g (or more)"
                : budget < Comfortable ? $"{facts}. Snapshots of larger nodes may not fit: set {Settings.Memory.Name}, or RMW_CKPT_DIR to a larger tmpfs"
                : drive.AvailableFreeSpace < budget ? $"{facts}: less than that" : facts);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new Finding("memory", false, true, e.Message);
        }
    }

    private static Finding Space(string what, string path, long wanted)
    {
        try
        {
            var free = new DriveInfo(path).AvailableFreeSpace;
            return new Finding(
                what, free >= wanted, true,
                $"{Output.Bytes(free)} free at {path}{(free < wanted ? ": free some, or set RMW_CKPT_DIR to a larger file system" : "")}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new Finding(what, false, true, e.Message);
        }
    }

    private static Finding Yama()
    {
        const string Path = "/proc/sys/kernel/yama/ptrace_scope";
        if (!File.Exists(Path))
        {
            return new Finding("ptrace", true, false, "not restricted (no yama)");
        }
        var scope = File.ReadAllText(Path).Trim();
        var good = scope == "0" || Memory.Posix.UserId == 0 || scope == "1" && Capabilities.Lacking() is null;
        return new Finding(
            "ptrace", good && scope != "3", false,
            good ? $"yama/ptrace_scope is {scope}" : $"yama/ptrace_scope is {scope}: sysctl kernel.yama.ptrace_scope=0, or give criu CAP_SYS_PTRACE");
    }

    private static Version KernelVersion(string release)
    {
        var numbers = release.Split('-')[0].Split('.');
        return numbers.Length >= 2 && int.TryParse(numbers[0], out var major) && int.TryParse(numbers[1], out var minor)
            ? new Version(major, minor) : new Version(0, 0);
    }
}
