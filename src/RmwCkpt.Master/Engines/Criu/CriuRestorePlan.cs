using System.Globalization;
using RmwCkpt.Domain;
using RmwCkpt.Master.Streams;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines.Criu;

/// <summary>
/// The descriptors that a restore gets from us instead of opening them by itself: standard ones that lead outside, files
/// that have grown since the dump (CRIU insists on the size that they had), and files of the run folder that have been
/// recycled since. Dispose closes those that are not the held ones.
/// </summary>
public sealed class CriuRestorePlan : IDisposable
{
    private readonly List<Inherited> _inherited = [];
    private readonly List<int> _own = [];
    private CriuRestorePlan()
    {
    }

    public IReadOnlyList<Inherited> Inherited => _inherited;

    /// <exception cref="IOException">A file is gone or changed that the process cannot do without; the message names it.</exception>
    public static CriuRestorePlan Make(RestoreOrder order, IReadOnlyList<ImageFile> files)
    {
        var plan = new CriuRestorePlan();
        try
        {
            foreach (var number in StandardOutputs.Numbers)
            {
                plan.AddBreakable(order, number);
            }
            foreach (var held in order.Stdio.Descriptors)
            {
                plan.AddStandard(order, held);
            }
            foreach (var file in files)
            {
                plan.AddFile(order, file);
            }
            return plan;
        }
        catch
        {
            plan.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var fd in _own)
        {
            Posix.Close(fd);
        }
        _own.Clear();
    }

    /// <summary>Outputs that were pipes or sockets go into files: see <see cref="StandardOutputs"/>.</summary>
    private void AddBreakable(RestoreOrder order, int number)
    {
        // What it was in the first incarnation; in later ones it is a file, unless the program has led it elsewhere.
        foreach (var target in new[] { StandardOutputs.Target(order.Process, number), order.Stdio.Target(number) })
        {
            if (StandardOutputs.MayBreak(HeldStdio.KindOf(target)) && _inherited.All(x => x.Key != target))
            {
                _inherited.Add(new Inherited(Open(order, number), target));
            }
        }
    }

    private void AddStandard(RestoreOrder order, HeldDescriptor held)
    {
        var key = held.Kind switch
        {
            StdioKind.Pipe or StdioKind.Socket => held.Target,
            StdioKind.Terminal => TerminalKey(held),
            _ => null,
        };
        if (key is not null && _inherited.All(x => x.Key != key))
        {
            _inherited.Add(new Inherited(HeldStdio.IsAlive(held) ? held.Descriptor : Output(order, held.Number, held.Target), key));
        }
    }

    private void AddFile(RestoreOrder order, ImageFile file)
    {
        if (file.Size is not { } size || !file.Name.StartsWith('/') || Directory.Exists(file.Name))
        {
            return;
        }
        var info = new FileInfo(file.Name);
        var key = CriuCommand.FileKey(file.Name);
        // A file that is written to may grow at any moment, others may write to it: never left to CRIU's check of the size.
        var mayGrow = file.Numbers.Count > 0 && file.IsWritable;
        if ((info.Exists && info.Length == size && !mayGrow) || _inherited.Any(x => x.Key == key))
        {
            return;
        }
        if (file.Numbers.Count > 0 && info.Exists)
        {
            AddChanged(file, key);
        }
        else if (RunFolder.MayBeGone(file.Name))
        {
            // A log's segment that was recycled: the mapping gets an empty file, and the core sees by the log's head that
            // its place is not there any more. Never under the old name: others would open it. Or a file that was being made,
            // which the previous incarnation has made: the core finds it. Without its journal no process can replay.
            _inherited.Add(new Inherited(Own(Placeholder(order, size)), key));
        }
        else if (file.Numbers.Count > 0 && file.IsWritable)
        {
            // It was removed. What the process writes must go somewhere.
            _inherited.Add(new Inherited(Output(order, file.Numbers[0], file.Name), key));
        }
        else
        {
            throw new IOException(info.Exists
                ? $"{file.Name} has {info.Length} bytes, at the snapshot {size}"
                : $"{file.Name} is gone");
        }
    }

    private void AddChanged(ImageFile file, string key)
    {
        var standard = file.Numbers.Any(x => x <= 2);
        var append = file.IsAppend || (standard && file.IsWritable);
        var fd = Own(Posix.Open(
            file.Name, (file.Flags & 3) | (append ? Posix.Append : 0) | Posix.CloseOnExec | Posix.NoControllingTty, 0));
        if (append)
        {
            Posix.SeekToEnd(fd);
        }
        else
        {
            Posix.SeekTo(fd, (long)file.Position);
        }
        _inherited.Add(new Inherited(fd, key));
    }

    private int Output(RestoreOrder order, int number, string target)
    {
        order.Lost(number, target);
        return Open(order, number);
    }

    /// <summary>A descriptor for each: CRIU closes what it has given.</summary>
    private int Open(RestoreOrder order, int number) => Own(StandardOutputs.Open(order.OutputFile(number)));

    private int Own(int fd)
    {
        _own.Add(fd);
        return fd;
    }

    private static int Placeholder(RestoreOrder order, long size)
    {
        var path = order.RunFolder / $".placeholder-{Guid.NewGuid():n}";
        Posix.MakeSparse(path, size);
        try
        {
            return path.Open(Posix.ReadWrite);
        }
        finally
        {
            path.Unlink();
        }
    }

    private static string? TerminalKey(HeldDescriptor held)
    {
        try
        {
            // A terminal whose window was closed has no name any more.
            var (device, fileSystem) = Posix.TerminalId(
                held.Descriptor >= 0 ? string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{held.Descriptor}") : held.Target);
            return CriuCommand.TerminalKey(device, fileSystem);
        }
        catch (PosixException)
        {
            // The terminal's window was closed. Its numbers cannot be had any more, so CRIU will say what it lacks.
            return null;
        }
    }
}
