namespace RmwCkpt.Memory;

/// <summary>
/// Room that a domain keeps from others in its file system: a file of its folder, all blocks and no content. Its master makes
/// it and fills it up while there is room. Who cannot do without a file, as who joins, makes it shorter by what is needed where
/// the file system is full, and tries again. Thread-safe, between processes too.
/// </summary>
public static class SpareRoom
{
    public const string FileName = "spare";

    /// <summary>What a log that grows leaves of it, bytes: a few nodes' logs and journals.</summary>
    public const long ForThoseWhoJoin = 1 << 20;

    /// <summary>Others may take what is given back before it is asked for.</summary>
    private const int Tries = 8;
    private const int Page = 4096;

    /// <summary>Does what needs so many bytes of the file system, by the spare room where that is full.</summary>
    /// <param name="leave">Bytes of the spare room that are left to others.</param>
    /// <exception cref="IOException">What <paramref name="work"/> throws; ENOSPC: nothing is spare either.</exception>
    public static T Do<T>(TrustedFolder folder, long bytes, Func<T> work, long leave = 0)
    {
        for (var left = Tries; ; left--)
        {
            try
            {
                return work();
            }
            catch (IOException e) when (left > 0 && IsFull(e) && Give(folder, bytes, leave))
            {
            }
        }
    }

    /// <summary>As the other one.</summary>
    public static void Do(TrustedFolder folder, long bytes, Action work) => Do(folder, bytes, () =>
    {
        work();
        return true;
    });

    /// <summary>Bytes of it.</summary>
    public static long SizeOf(TrustedFolder folder) => (folder.Root / FileName).Facts?.Size ?? 0;

    /// <summary>
    /// By the master: fills it up where there is room for it, and as much again: what somebody has just given back is his.
    /// </summary>
    /// <param name="free">Bytes that the file system has free.</param>
    /// <exception cref="PosixException">As open(2) and fallocate(2).</exception>
    public static void Fill(TrustedFolder folder, long size, long free)
    {
        var (has, wanted) = (SizeOf(folder), size / Page * Page);
        if (has < wanted && free >= wanted - has + wanted)
        {
            var path = folder.Root / FileName;
            var fd = path.Open(Posix.ReadWrite | Posix.Make);
            try
            {
                Posix.Allocate(fd, wanted, path.FullName);
            }
            finally
            {
                Posix.Close(fd);
            }
        }
    }

    /// <summary>By the master, when nobody needs it any more.</summary>
    public static void Remove(TrustedFolder folder) => (folder.Root / FileName).Unlink();

    private static bool IsFull(IOException e) => e is PosixException p ? p.Errno == Posix.Enospc : e.HResult == Posix.Enospc;

    /// <summary>False: there is nothing to give.</summary>
    private static bool Give(TrustedFolder folder, long bytes, long leave)
    {
        var path = folder.Root / FileName;
        var size = SizeOf(folder);
        if (size <= leave)
        {
            return false;
        }
        try
        {
            var fd = path.Open(Posix.ReadWrite);
            try
            {
                Posix.Cut(fd, Math.Max(leave, size - ((bytes + Page - 1) / Page * Page)), path.FullName);
                return true;
            }
            finally
            {
                Posix.Close(fd);
            }
        }
        catch (PosixException)
        {
            // It is gone: the domain ends.
            return false;
        }
    }
}
