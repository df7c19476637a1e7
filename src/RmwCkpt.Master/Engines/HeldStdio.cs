using System.Globalization;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines;

/// <summary>What kind of thing a standard descriptor is.</summary>
public enum StdioKind
{
    Closed,
    File,
    Pipe,
    Terminal,
    Socket,

    /// <summary>/dev/null and other devices.</summary>
    Device,
}

/// <summary>One of a process' standard descriptors, held open by the master (Descriptor -1: it could not be).</summary>
public sealed record HeldDescriptor(int Number, StdioKind Kind, string Target, int Access, int Descriptor);

/// <summary>
/// Descriptors 0, 1 and 2 of a process, held while it lives so that its next incarnation can have the very same: the other end of
/// a pipe must not see an end of file when it dies. Not thread-safe; Dispose closes them.
/// </summary>
public sealed class HeldStdio : IDisposable
{
    private readonly HeldDescriptor[] _descriptors;

    private HeldStdio(HeldDescriptor[] descriptors) => _descriptors = descriptors;

    public IReadOnlyList<HeldDescriptor> Descriptors => _descriptors;

    public static HeldStdio None { get; } = new([]);

    /// <summary>What a descriptor was when it was held, as of readlink(2); empty: nothing.</summary>
    public string Target(int number) => _descriptors.FirstOrDefault(x => x.Number == number)?.Target ?? "";

    /// <summary>Opens a living process' standard descriptors for ourselves.</summary>
    public static HeldStdio Hold(int pid, int pidfd) =>
        new([.. Enumerable.Range(0, 3).Select(n => Hold(pid, pidfd, n))]);

    /// <summary>
    /// Opens again what can be opened by name: all that is left when the process died before there was a master. A file only
    /// without a link on the way, and if it is ours or root's: somebody else may own the folder that it was in.
    /// </summary>
    public static HeldStdio ByName(IReadOnlyList<string> targets) =>
        new([.. targets.Take(3).Select((t, n) => ByName(t, n))]);

    public static StdioKind KindOf(string target) => target switch
    {
        "" => StdioKind.Closed,
        _ when target.StartsWith("pipe:[", StringComparison.Ordinal) => StdioKind.Pipe,
        _ when target.StartsWith("socket:[", StringComparison.Ordinal) => StdioKind.Socket,
        _ when target.StartsWith("/dev/pts/", StringComparison.Ordinal)
            || target.StartsWith("/dev/tty", StringComparison.Ordinal)
            || target == "/dev/console" => StdioKind.Terminal,
        _ when target.StartsWith("/dev/", StringComparison.Ordinal)
            && !target.StartsWith("/dev/shm/", StringComparison.Ordinal) => StdioKind.Device,
        _ when target.StartsWith('/') => StdioKind.File,
        _ => StdioKind.Device,
    };

    /// <summary>Whether something may still be written to the held end of a pipe or to a terminal.</summary>
    public static bool IsAlive(HeldDescriptor held)
    {
        if (held.Descriptor < 0)
        {
            return false;
        }
        if (held.Kind is not (StdioKind.Pipe or StdioKind.Socket or StdioKind.Terminal) || held.Access == Posix.ReadOnly)
        {
            return true;
        }
        return !Posix.IsHungUp(held.Descriptor);
    }

    public void Dispose()
    {
        foreach (ref var held in _descriptors.AsSpan())
        {
            if (held.Descriptor >= 0)
            {
                Posix.Close(held.Descriptor);
                held = held with { Descriptor = -1 };
            }
        }
    }

    private static HeldDescriptor Hold(int pid, int pidfd, int number)
    {
        var path = $"/proc/{pid}/fd/{number}";
        var target = ProcessProbe.Link(path);
        var kind = KindOf(target);
        var access = Access(pid, number);
        var fd = -1;
        if (kind == StdioKind.Socket)
        {
            fd = pidfd >= 0 ? Posix.TakeDescriptor(pidfd, number) : -1;
        }
        else if (kind != StdioKind.Closed)
        {
            fd = TryOpen(path, access, kind);
        }
        return new HeldDescriptor(number, kind, target, access, fd);
    }

    private static HeldDescriptor ByName(string target, int number)
    {
        var kind = KindOf(target);
        var access = number == 0 ? Posix.ReadOnly : Posix.WriteOnly;
        var named = kind is StdioKind.File or StdioKind.Device or StdioKind.Terminal;
        return new HeldDescriptor(number, kind, target, access, named ? TryOpen(target, access, kind, isNamed: true) : -1);
    }

    private static int TryOpen(string path, int access, StdioKind kind, bool isNamed = false)
    {
        // A file is written at its end: others may have written to it meanwhile.
        var append = kind == StdioKind.File && access != Posix.ReadOnly ? Posix.Append : 0;
        try
        {
            // Non-blocking only for the opening: a named pipe may have no other end, and then the master would wait for one.
            var flags = access | append | Posix.NonBlocking | Posix.CloseOnExec | Posix.NoControllingTty;
            var fd = isNamed && kind == StdioKind.File ? Posix.OpenOurs(path, flags) : Posix.Open(path, flags, 0);
            Posix.MakeBlocking(fd);
            return fd;
        }
        catch (PosixException)
        {
            return -1;
        }
    }

    /// <summary>The O_ACCMODE bits that a descriptor was opened with.</summary>
    internal static int Access(int pid, int number)
    {
        try
        {
            var line = File.ReadLines($"/proc/{pid}/fdinfo/{number}").First(x => x.StartsWith("flags:", StringComparison.Ordinal));
            return Convert.ToInt32(line[6..].Trim(), 8) & 3;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return number == 0 ? Posix.ReadOnly : Posix.WriteOnly;
        }
    }

    public override string ToString() =>
        string.Join(", ", _descriptors.Select(x => string.Create(CultureInfo.InvariantCulture, $"{x.Number}={x.Target}")));
}
