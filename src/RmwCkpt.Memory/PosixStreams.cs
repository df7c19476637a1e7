using System.Runtime.InteropServices;

namespace RmwCkpt.Memory;

/// <summary>Streams: files that are followed, ends of pipes that may break, and waiting for descriptors.</summary>
public static unsafe partial class Posix
{
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

    /// <summary>A counter to wake a poll with; readable after <see cref="Wake"/>.</summary>
    public static int MakeWaker()
    {
        var fd = C.eventfd(0, CloseOnExec | NonBlocking);
        return fd >= 0 ? fd : throw Failed("make an eventfd");
    }

    public static void Wake(int waker)
    {
        var one = 1UL;
        _ = C.write(waker, &one, 8);
    }

    public static void ClearWaker(int waker)
    {
        ulong count;
        _ = C.read(waker, &count, 8);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollFd
    {
        public int Fd;
        public short Events;
        public short Revents;
    }

    /// <summary>A descriptor that is readable when a file that it watches was written to.</summary>
    public static int MakeFileWatch()
    {
        var fd = S.inotify_init1(CloseOnExec | NonBlocking);
        return fd >= 0 ? fd : throw Failed("make an inotify descriptor");
    }

    /// <summary>Watches a file; false: it is not there, or there are too many watches.</summary>
    public static bool WatchFile(int watch, string path) => S.inotify_add_watch(watch, path, 0x02) >= 0;

    /// <summary>Takes all that a watch has to say.</summary>
    public static void ClearFileWatch(int watch)
    {
        var buffer = stackalloc byte[4096];
        while (S.read(watch, buffer, 4096) > 0)
        {
        }
    }

    /// <summary>Writes what fits to a descriptor that does not block; 0: it is full; negative: nobody reads it any more.</summary>
    public static int TryWrite(int fd, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* p = bytes)
        {
            return Result(S.write(fd, p, (nuint)bytes.Length));
        }
    }

    /// <summary>The same for a socket that may block.</summary>
    public static int TrySend(int socket, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* p = bytes)
        {
            return Result(S.send(socket, p, (nuint)bytes.Length, 0x4040)); // MSG_DONTWAIT | MSG_NOSIGNAL
        }
    }

    /// <summary>Reads at a place of a file; 0: there is nothing.</summary>
    public static int ReadAt(int fd, Span<byte> bytes, long offset)
    {
        fixed (byte* p = bytes)
        {
            return (int)Math.Max(0, S.pread(fd, p, (nuint)bytes.Length, offset));
        }
    }

    /// <summary>Takes all bytes from a file. Who appends to it goes on at its beginning.</summary>
    public static void Empty(int fd) => _ = S.ftruncate(fd, 0);

    /// <summary>Whether the other end of a pipe, a socket or a terminal is gone.</summary>
    public static bool IsHungUp(int fd)
    {
        var pipe = new PollFd { Fd = fd };
        return poll(&pipe, 1, 0) > 0 && pipe.Revents != 0;
    }

    private static int Result(nint written) =>
        written >= 0 ? (int)written : Marshal.GetLastPInvokeError() is Eagain or Eintr ? 0 : -1;

    private static partial class S
    {
        [LibraryImport("libc", SetLastError = true)]
        public static partial int inotify_init1(int flags);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        public static partial int inotify_add_watch(int fd, string path, uint mask);

        [LibraryImport("libc")]
        public static partial nint read(int fd, void* data, nuint size);

        [LibraryImport("libc", SetLastError = true)]
        public static partial nint write(int fd, void* data, nuint size);

        [LibraryImport("libc", SetLastError = true)]
        public static partial nint send(int fd, void* data, nuint size, int flags);

        [LibraryImport("libc")]
        public static partial nint pread(int fd, void* data, nuint size, long offset);

        [LibraryImport("libc")]
        public static partial int ftruncate(int fd, long length);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(PollFd* fds, nuint count, int timeout);
}
