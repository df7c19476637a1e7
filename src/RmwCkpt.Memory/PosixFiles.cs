using System.Runtime.InteropServices;
using System.Text;

namespace RmwCkpt.Memory;

/// <summary>Files and descriptors: opening, room, locks, identity, small reads and writes.</summary>
public static unsafe partial class Posix
{
    public const int ReadOnly = 0;
    public const int WriteOnly = 1;
    public const int ReadWrite = 2;
    public const int MakeNew = 0x40 | 0x80;
    public const int Make = 0x40;
    public const int Append = 0x400;
    public const int CloseOnExec = 0x80000;
    public const int NonBlocking = 0x800;
    public const int NoControllingTty = 0x100;

    public static int Open(string path, int flags, int mode)
    {
        int fd;
        do
        {
            fd = open(path, flags, mode);
        }
        while (fd < 0 && IsInterrupted);
        return fd >= 0 ? fd : throw Failed($"open {path}");
    }

    public static void Close(int fd) => close(fd);

    /// <summary>A file that has no name and is in no file system, closed on exec.</summary>
    public static int MakeMemoryFile(string name)
    {
        var fd = memfd_create(name, 1);
        return fd >= 0 ? fd : throw Failed("make a file in memory");
    }

    public static long Size(int fd, string path)
    {
        var end = lseek(fd, 0, 2);
        return end >= 0 ? end : throw Failed($"size of {path}");
    }

    public static void Allocate(int fd, long length, string path) => Allocate(fd, 0, length, path);

    /// <summary>
    /// Gives part of a file its blocks. tmpfs stops at a signal and takes back what it had got: a program with a fast timer
    /// would never have a segment. So the thread has its signals afterwards; what comes all the same, as a debugger or CRIU
    /// that stops it, is no failure.
    /// </summary>
    private static void Allocate(int fd, long offset, long length, string path)
    {
        var all = stackalloc ulong[16];
        var before = stackalloc ulong[16];
        new Span<ulong>(all, 16).Fill(ulong.MaxValue);
        var known = pthread_sigmask(2, all, before) == 0;
        int error;
        do
        {
            error = posix_fallocate(fd, offset, length);
        }
        while (error == Eintr);
        if (known)
        {
            _ = pthread_sigmask(2, before, null);
        }
        if (error != 0)
        {
            throw new PosixException(error, $"allocate {length} bytes at {offset} of {path}");
        }
    }

    /// <summary>Removes a file; says whether this call did it (one of many callers wins).</summary>
    public static bool Unlink(string path) => unlink(path) == 0;

    /// <summary>Takes an exclusive flock(2); with <paramref name="wait"/> blocks until it has it. False: it is held.</summary>
    public static bool Lock(int fd, bool wait)
    {
        while (flock(fd, wait ? 2 : 2 | 4) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error == Eagain)
            {
                return false;
            }
            if (error != Eintr)
            {
                throw Failed("lock the master's lock file");
            }
        }
        return true;
    }

    /// <summary>Takes a shared flock(2), or makes an exclusive one shared, if nobody else has an exclusive one.</summary>
    public static bool LockShared(int fd) => flock(fd, 1 | 4) == 0;

    /// <summary>Whose a folder is, by its path; null: there is none. For hints, not for trust.</summary>
    public static uint? OwnerOf(string path)
    {
        var buffer = stackalloc byte[256];
        return statx(CurrentFolder, path, 0, 0x08, buffer) == 0 ? *(uint*)(buffer + 20) : null;
    }

    /// <summary>What tells a file or folder from all others that there are: device and inode; null: there is none of that name.</summary>
    public static (uint Major, uint Minor, ulong Inode)? Identity(string path)
    {
        var buffer = stackalloc byte[256];
        return statx(-100, path, 0, 0x100, buffer) == 0
            ? (*(uint*)(buffer + 136), *(uint*)(buffer + 140), *(ulong*)(buffer + 32))
            : null;
    }

    /// <summary>
    /// Writes what it can; a failure to report a failure is not one. Where nobody reads a pipe any more the kernel also sends
    /// SIGPIPE, which ends a program that only wanted to publish: it is taken before the program can see it.
    /// </summary>
    public static void Write(int fd, ReadOnlySpan<byte> bytes)
    {
        // sigset_t has 128 bytes; signal n is bit n - 1.
        const ulong Pipe = 1ul << (SigPipe - 1);
        ulong* pipe = stackalloc ulong[16], before = stackalloc ulong[16], pending = stackalloc ulong[16];
        new Span<ulong>(pipe, 16).Clear();
        pipe[0] = Pipe;
        _ = pthread_sigmask(0, pipe, before);
        _ = sigpending(pending);
        fixed (byte* p = bytes)
        {
            while (write(fd, p, (nuint)bytes.Length) < 0 && IsInterrupted)
            {
            }
        }
        if ((pending[0] & Pipe) == 0)
        {
            // One that was pending before is the program's own.
            var now = default(TimeSpec);
            _ = sigtimedwait(pipe, null, &now);
        }
        _ = pthread_sigmask(2, before, null);
    }

    /// <summary>No program that this process becomes gets descriptors from this one on.</summary>
    public static void CloseOnExecFrom(int first)
    {
        const nint CloseRange = 436;
        const nint OnExec = 4;
        if (syscall(CloseRange, first, unchecked((nint)0xffffffff), OnExec, 0, 0, 0) == 0)
        {
            return;
        }
        foreach (var path in Directory.EnumerateFileSystemEntries("/proc/self/fd"))
        {
            if (int.TryParse(Path.GetFileName(path), out var fd) && fd >= first)
            {
                _ = C.fcntl(fd, 2, 1);
            }
        }
    }

    /// <summary>What to do where <see cref="DescriptorLimit"/> is too low.</summary>
    public const string DescriptorRemedy = "raise the hard limit where the nodes are started (ulimit -Hn, LimitNOFILE= of a service)";

    /// <summary>Raises <see cref="DescriptorLimit"/> to what this process may raise it to.</summary>
    public static void RaiseDescriptorLimit()
    {
        const int DescriptorResource = 7;
        var limits = stackalloc ulong[2];
        if (C.getrlimit(DescriptorResource, limits) == 0)
        {
            limits[0] = limits[1];
            _ = C.setrlimit(DescriptorResource, limits);
        }
    }

    /// <summary>Makes a file of zeros without blocks; EEXIST when it is there. See <see cref="AllocateRange"/>.</summary>
    public static void MakeSparse(TrustedPath path, long length)
    {
        var fd = path.Open(ReadWrite | MakeNew);
        try
        {
            Cut(fd, length, path.FullName);
        }
        finally
        {
            Close(fd);
        }
    }

    /// <summary>Makes a file so long; what is beyond, with its blocks, is gone.</summary>
    internal static void Cut(int fd, long length, string path)
    {
        while (C.ftruncate(fd, length) != 0)
        {
            if (!IsInterrupted)
            {
                throw Failed($"make {path} {length} bytes long");
            }
        }
    }

    /// <summary>Gives part of a file its blocks, so that no store into a mapping of it can fail.</summary>
    public static void AllocateRange(TrustedPath path, long offset, long length)
    {
        var fd = path.Open(ReadWrite);
        try
        {
            Allocate(fd, offset, length, path.FullName);
        }
        finally
        {
            Close(fd);
        }
    }

    internal static void Sync(int fd, string path)
    {
        while (C.fsync(fd) != 0)
        {
            if (!IsInterrupted)
            {
                throw Failed($"sync {path}");
            }
        }
    }

    public static bool SeekTo(int fd, long position) => lseek(fd, position, 0) >= 0;

    public static bool SeekToEnd(int fd) => lseek(fd, 0, 2) >= 0;

    /// <summary>Device numbers of a terminal as CRIU writes them: of the device itself and of the file system it is in.</summary>
    public static (uint Device, uint FileSystem) TerminalId(string path)
    {
        var buffer = stackalloc byte[256];
        return statx(-100, path, 0, 0x7ff, buffer) == 0
            ? (DeviceNumber(*(uint*)(buffer + 128), *(uint*)(buffer + 132)),
                DeviceNumber(*(uint*)(buffer + 136), *(uint*)(buffer + 140)))
            : throw Failed($"stat {path}");
    }

    /// <summary>Takes O_NONBLOCK from an open file.</summary>
    public static void MakeBlocking(int fd) => C.fcntl(fd, 4, C.fcntl(fd, 3, 0) & ~NonBlocking);

    /// <summary>Keeps a descriptor that we were given from our children.</summary>
    public static void CloseWhenExecuted(int fd) => C.fcntl(fd, 2, 1);

    /// <summary>Replaces a small file's content through a descriptor of it. (.NET's own File takes flock(2) locks.)</summary>
    public static void Rewrite(int fd, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        fixed (byte* p = bytes)
        {
            _ = C.ftruncate(fd, 0);
            _ = C.pwrite(fd, p, (nuint)bytes.Length, 0);
        }
    }

    /// <summary>The first 256 bytes of a file as text, by a descriptor of it.</summary>
    public static string ReadSmall(int fd)
    {
        var buffer = stackalloc byte[256];
        var n = C.pread(fd, buffer, 256, 0);
        return n <= 0 ? "" : Encoding.UTF8.GetString(buffer, (int)n);
    }

    private static uint DeviceNumber(uint major, uint minor) =>
        (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xffu) << 12);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport("libc")]
    private static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial long lseek(int fd, long offset, int whence);

    [LibraryImport("libc")]
    private static partial int posix_fallocate(int fd, long offset, long length);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int unlink(string path);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int renameat2(int fromFolder, string from, int toFolder, string to, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(int fd, int operation);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int folder, string path, int flags, uint mask, byte* buffer);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(int fd, byte* bytes, nuint count);
}
