using System.Runtime.InteropServices;

namespace RmwCkpt.Memory;

/// <summary>The C library's calls that .NET does not offer, on Linux (<see cref="Abi"/>: of which architecture).</summary>
public static unsafe partial class Posix
{
    public const int ReadOnly = 0;
    public const int WriteOnly = 1;
    public const int ReadWrite = 2;
    public const int MakeNew = 0x40 | 0x80;
    public const int Make = 0x40;
    public const int Append = 0x400;
    public const int CloseOnExec = 0x80000;

    public const int Eperm = 1;
    public const int Enoent = 2;
    public const int Eintr = 4;
    public const int Eagain = 11;
    public const int Enomem = 12;
    public const int Eacces = 13;
    public const int Eexist = 17;
    public const int Einval = 22;
    public const int Emfile = 24;
    public const int Enospc = 28;

    public const int SigKill = 9;
    public const int RealtimeClock = 0;
    public const int MonotonicClock = 1;
    public const int BootClock = 7;

    /// <summary>Nanoseconds of a clock; a vDSO call, neither blocking nor allocating.</summary>
    public static long Now(int clock)
    {
        TimeSpec t;
        ClockGetTime(clock, &t);
        return (t.Seconds * 1_000_000_000L) + t.Nanoseconds;
    }

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

    internal static nint Map(int fd, int length, bool writable, string path, bool populate = false)
    {
        var address = mmap(0, length, writable ? 3 : 1, populate ? 0x8001 : 1, fd, 0);
        return address != -1 ? address : throw Failed($"map {length} bytes of {path}");
    }

    /// <summary>Maps part of a file over what is there, in one step.</summary>
    internal static void MapOver(nint address, int length, int fd, int offset, bool shared, string path, bool writable = true)
    {
        if (mmap(address, length, writable ? 3 : 1, shared ? 0x11 : 0x12, fd, offset) == -1)
        {
            throw Failed($"map {length} bytes of {path} again");
        }
    }

    /// <summary>Maps what is mapped shared once more, elsewhere.</summary>
    internal static nint MapTwice(nint address, int length, string path)
    {
        var twin = mremap(address, 0, length, 1);
        return twin != -1 ? twin : throw Failed($"map {length} bytes of {path} once more");
    }

    internal static void Unmap(nint address, int length) => munmap(address, length);

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

    public static uint UserId => geteuid();

    public static int ProcessId => getpid();

    /// <summary>This process' session; 0: its leader is outside of the pid namespace.</summary>
    public static int SessionId => getsid(0);

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

    /// <summary>A descriptor that is readable once the process has ended; -1 when there is no such process.</summary>
    public static int OpenPidfd(int pid) => (int)syscall(434, pid, 0, 0, 0, 0, 0);

    /// <summary>
    /// Waits for any of the descriptors to become readable; fills <paramref name="ready"/>. False: time-out. A signal does not
    /// end it.
    /// </summary>
    public static bool Poll(ReadOnlySpan<int> fds, Span<bool> ready, int timeoutMilliseconds)
    {
        var polls = new PollFd[fds.Length];
        for (var i = 0; i < fds.Length; i++)
        {
            polls[i] = new PollFd { Fd = fds[i], Events = 1 };
        }
        fixed (PollFd* p = polls)
        {
            var until = Now(MonotonicClock) + (timeoutMilliseconds * 1_000_000L);
            var n = poll(p, (nuint)polls.Length, timeoutMilliseconds);
            while (n < 0 && IsInterrupted)
            {
                var left = timeoutMilliseconds < 0 ? -1 : (int)Math.Max(0, (until - Now(MonotonicClock) + 999_999) / 1_000_000);
                n = poll(p, (nuint)polls.Length, left);
            }
            for (var i = 0; i < fds.Length; i++)
            {
                ready[i] = n > 0 && polls[i].Revents != 0;
            }
            return n > 0;
        }
    }

    public static bool Kill(int pid, int signal) => kill(pid, signal) == 0;

    /// <summary>Ends the calling process as a crash would: no handler runs.</summary>
    public static void KillSelf()
    {
        kill(getpid(), SigKill);
        while (true)
        {
            _ = pause();
        }
    }

    /// <summary>Collects an ended child of this process, if it is one. False when there is nothing to collect.</summary>
    public static bool Reap(int pid, out int status)
    {
        int value;
        var got = waitpid(pid, &value, 1);
        status = value;
        return got == pid;
    }

    /// <summary>Makes orphans of this process' descendants its children, so that it can collect them.</summary>
    public static void BecomeSubreaper() => prctl(36, 1, 0, 0, 0);

    /// <summary>Whether the last call failed because a signal came: it is to be made again.</summary>
    private static bool IsInterrupted => Marshal.GetLastPInvokeError() == Eintr;

    private static PosixException Failed(string what) => new(Marshal.GetLastPInvokeError(), what);

    [StructLayout(LayoutKind.Sequential)]
    internal struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollFd
    {
        public int Fd;
        public short Events;
        public short Revents;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [SuppressGCTransition]
    private static partial int ClockGetTime(int clock, TimeSpec* time);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport("libc")]
    private static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial long lseek(int fd, long offset, int whence);

    [LibraryImport("libc")]
    private static partial int posix_fallocate(int fd, long offset, long length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mmap(nint address, nint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mremap(nint address, nint length, nint newLength, int flags);

    [LibraryImport("libc")]
    private static partial int munmap(nint address, nint length);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int unlink(string path);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int renameat2(int fromFolder, string from, int toFolder, string to, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(int fd, int operation);

    [LibraryImport("libc")]
    private static partial uint geteuid();

    [LibraryImport("libc")]
    private static partial int getpid();

    [LibraryImport("libc")]
    private static partial int getsid(int pid);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int folder, string path, int flags, uint mask, byte* buffer);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint syscall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(PollFd* fds, nuint count, int timeout);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int pid, int signal);

    [LibraryImport("libc")]
    private static partial int pause();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int waitpid(int pid, int* status, int options);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int prctl(int option, nint a, nint b, nint c, nint d);
}
