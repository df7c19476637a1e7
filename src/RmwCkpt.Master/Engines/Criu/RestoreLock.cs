using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines.Criu;

/// <summary>
/// A file that is locked as long as a restore of a process is under way, be its master alive or not: CRIU has the locked
/// descriptor from its master. Where CRIU was killed, what it leaves half made has it: that is ended, for nothing else does.
/// </summary>
internal static class RestoreLock
{
    private static readonly TimeSpan s_endPatience = TimeSpan.FromSeconds(2);

    /// <summary>Takes the lock, within <paramref name="patience"/> and two seconds; the descriptor is the caller's to close.</summary>
    /// <exception cref="IOException">It is still held; the message says by whom.</exception>
    public static int Take(TrustedPath path, TimeSpan patience)
    {
        path.Parent.MakeFolder();
        var fd = path.Open(Posix.ReadWrite | Posix.Make);
        if (TryLock(fd, patience) || EndHolders(path, fd))
        {
            return fd;
        }
        Posix.Close(fd);
        throw new IOException(
            $"{path} is held by {string.Join(", ", Holders(path).Select(x => $"process {x} ({ProcessProbe.NameOf(x)})"))}, "
            + "which does not end");
    }

    /// <summary>
    /// Waits until no restore is under way any more that a killed master began, which goes on without it. After
    /// <paramref name="patience"/> it is ended.
    /// </summary>
    public static void Await(TrustedPath path, TimeSpan patience)
    {
        if (path.Exists)
        {
            Posix.Close(Take(path, patience));
        }
    }

    /// <summary>Other processes that have the file open: this very one, whatever else is called so.</summary>
    internal static IReadOnlyList<int> Holders(TrustedPath path) => path.Facts is { } lockFile
        ? [.. ProcessProbe.All().Where(pid => pid != Environment.ProcessId && Holds(pid, $"/{path.LastPart}", lockFile.Id))]
        : [];

    private static bool EndHolders(TrustedPath path, int fd)
    {
        var ended = Holders(path).SelectMany(ProcessTree.Kill).ToList();
        ProcessTree.Collect(ended, s_endPatience);
        return TryLock(fd, s_endPatience);
    }

    private static bool TryLock(int fd, TimeSpan patience)
    {
        var until = Clock.Steady + ((long)patience.TotalMilliseconds * Clock.Millisecond);
        while (!Posix.Lock(fd, wait: false))
        {
            if (Clock.Steady > until)
            {
                return false;
            }
            Thread.Sleep(5);
        }
        return true;
    }

    private static bool Holds(int pid, string name, (uint, uint, ulong) id)
    {
        try
        {
            return Directory.EnumerateFiles($"/proc/{pid}/fd")
                .Any(x => ProcessProbe.Link(x).EndsWith(name, StringComparison.Ordinal) && Posix.Identity(x) == id);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
