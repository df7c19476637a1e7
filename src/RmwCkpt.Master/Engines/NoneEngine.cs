using System.Globalization;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Domain;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Streams;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines;

/// <summary>No images: the same command is started again, and replays its journal from the first cell.</summary>
public sealed class NoneEngine : ISnapshotEngine
{
    public string Name => "none";

    public bool KeepsIds => false;

    public EngineCheck Check() => new(true, "processes are started again and replay from their beginning");

    public SnapshotResult Dump(DumpOrder order) =>
        SnapshotResult.Failed("engine none takes no snapshots: a process that dies is started again and replays all its journal");

    public RestoreResult Restore(RestoreOrder order)
    {
        var process = order.Process;
        if (process.Command.Count == 0)
        {
            return RestoreResult.Failed("its command line is not known");
        }
        var own = new List<int>();
        try
        {
            var descriptors = new List<(int, int)>();
            for (var n = 0; n <= 2; n++)
            {
                descriptors.Add((Descriptor(order, n, own), n));
            }
            var environment = process.Environment.Where(x => !x.StartsWith(Settings.Resume.Name + "=", StringComparison.Ordinal)).ToList();
            if (!order.IsFresh)
            {
                environment.Add(string.Create(CultureInfo.InvariantCulture, $"{Settings.Resume.Name}={process.Process_:x16}@{order.Domain}"));
            }
            var folder = StartFolder.Of(process);
            var pid = ProcessAttributes.Spawn(
                process.Attributes ?? new Attributes(),
                () => RightsReader.With(process.Rights, () =>
                    Posix.Spawn(Program(process), process.Command, environment, folder, descriptors, newSession: true)),
                order.LostAttribute);
            // Of one that has ended meanwhile nothing can be read, and nothing is to be feared.
            if (process.Rights is { } first && RightsReader.Read(pid) is { } second && !ProcessProbe.IsEnding(pid)
                && RightsCheck.More(second, first) is { } more)
            {
                Posix.Kill(pid, Posix.SigKill);
                Posix.Reap(pid, out _);
                return RestoreResult.Failed($"its next incarnation could {more}, which it could not before, and was ended");
            }
            return new RestoreResult(pid, "");
        }
        catch (IOException e)
        {
            return RestoreResult.Failed(e.Message);
        }
        finally
        {
            own.ForEach(Posix.Close);
        }
    }

    /// <summary>The program's file; when it has been replaced (an update), the one that is now under its name.</summary>
    private static string Program(Process process)
    {
        const string Deleted = " (deleted)";
        var path = process.Executable;
        if (File.Exists(path))
        {
            return path;
        }
        if (path.EndsWith(Deleted, StringComparison.Ordinal) && File.Exists(path[..^Deleted.Length]))
        {
            return path[..^Deleted.Length];
        }
        return Path.GetFullPath(process.Command[0], process.WorkingFolder);
    }

    private static int Descriptor(RestoreOrder order, int number, List<int> own)
    {
        var held = order.Stdio.Descriptors.FirstOrDefault(x => x.Number == number);
        // One that is started fresh is a first incarnation: its pipes are its own affair.
        var mayBreak = number > 0 && !order.IsFresh
            && (StandardOutputs.MayBreak(HeldStdio.KindOf(StandardOutputs.Target(order.Process, number)))
                || (held is not null && StandardOutputs.MayBreak(held.Kind)));
        if (!mayBreak && held is { Descriptor: >= 0 } && HeldStdio.IsAlive(held))
        {
            return held.Descriptor;
        }
        int fd;
        if (mayBreak)
        {
            fd = StandardOutputs.Open(order.OutputFile(number));
        }
        else if (number == 0 || held is null or { Kind: StdioKind.Closed })
        {
            fd = Posix.Open("/dev/null", Posix.ReadWrite | Posix.CloseOnExec, 0);
        }
        else
        {
            order.Lost(number, held.Target);
            fd = StandardOutputs.Open(order.OutputFile(number));
        }
        own.Add(fd);
        return fd;
    }
}
