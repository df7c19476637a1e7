using System.Runtime.InteropServices;
using System.Text;

namespace RmwCkpt.Memory;

/// <summary>What the master alone needs of the C library: spawning, peers' credentials, sparse files, signals.</summary>
public static unsafe partial class Posix
{
    public const int NoControllingTty = 0x100;
    public const int NonBlocking = 0x800;
    public const int SigHup = 1;
    public const int SigInt = 2;
    public const int SigPipe = 13;
    public const int SigTerm = 15;

    /// <summary>Who is at the other end of a Unix socket, by SO_PEERCRED: process id (0: of no namespace of ours) and user.</summary>
    public static (int Pid, uint User) Peer(int socket)
    {
        var credentials = stackalloc int[3];
        var length = 12u;
        return C.getsockopt(socket, 1, 17, credentials, &length) == 0
            ? (credentials[0], (uint)credentials[1])
            : throw Failed("ask who the client is");
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

    /// <summary>Ignores a signal for the rest of this process' life. <see cref="Spawn"/> gives children the default again.</summary>
    public static void Ignore(int signal) => C.signal_(signal, 1);

    /// <summary>Gives a signal its default again.</summary>
    public static void Restore(int signal) => C.signal_(signal, 0);

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

    /// <summary>Sends a signal to the process that a pidfd stands for.</summary>
    public static void KillByPidfd(int pidfd, int signal) => _ = syscall(424, pidfd, signal, 0, 0, 0, 0);

    /// <summary>Gives a process its share of the processors: -20 (the largest) to 19. Not for everyone to raise.</summary>
    public static void TrySetNice(int pid, int nice) => _ = C.setpriority(0, pid, nice);

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

    /// <summary>The same open file as another process' descriptor; -1 when it may not be had.</summary>
    public static int TakeDescriptor(int pidfd, int fd) => (int)syscall(438, pidfd, fd, 0, 0, 0, 0);

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

    /// <summary>Lets the calling thread run only when nothing else wants the processor.</summary>
    public static void LowerPriority() => C.setpriority(0, 0, 15);

    /// <summary>
    /// Starts a program. Descriptors in <paramref name="descriptors"/> are given to it under their target's number; those
    /// that map to themselves are merely kept; all others of ours are closed on exec. Signals get their defaults back. The
    /// caller collects it (<see cref="Reap"/>).
    /// </summary>
    /// <exception cref="PosixException">The program cannot be run.</exception>
    public static int Spawn(
        string program, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, string? folder,
        IReadOnlyList<(int Source, int Target)> descriptors, bool newSession)
    {
        // glibc's posix_spawn_file_actions_t and posix_spawnattr_t are 80 and 336 bytes; sigset_t is 128.
        var actions = stackalloc byte[512];
        var attributes = stackalloc byte[1024];
        var signals = stackalloc byte[128];
        var argv = Vector(arguments);
        var envp = Vector(environment);
        C.posix_spawn_file_actions_init(actions);
        C.posix_spawnattr_init(attributes);
        try
        {
            foreach (var (source, target) in descriptors)
            {
                C.posix_spawn_file_actions_adddup2(actions, source, target);
            }
            // What we were given without close-on-exec is none of its business either.
            C.posix_spawn_file_actions_addclosefrom_np(actions, descriptors.Select(x => x.Target).DefaultIfEmpty(-1).Max() + 1);
            if (folder is not null)
            {
                C.posix_spawn_file_actions_addchdir_np(actions, folder);
            }
            C.sigemptyset(signals);
            C.posix_spawnattr_setsigmask(attributes, signals);
            C.sigfillset(signals);
            C.posix_spawnattr_setsigdefault(attributes, signals);
            C.posix_spawnattr_setflags(attributes, (short)(0x04 | 0x08 | (newSession ? 0x80 : 0)));
            int pid;
            var error = C.posix_spawn(&pid, program, actions, attributes, argv, envp);
            return error == 0 ? pid : throw new PosixException(error, $"start {program}");
        }
        finally
        {
            C.posix_spawn_file_actions_destroy(actions);
            C.posix_spawnattr_destroy(attributes);
            Free(argv);
            Free(envp);
        }
    }

    /// <summary>Becomes another program; returns only when that fails.</summary>
    public static void Execute(string program, IReadOnlyList<string> arguments, IReadOnlyList<string> environment)
    {
        var argv = Vector(arguments);
        var envp = Vector(environment);
        C.execve(program, argv, envp);
        Free(argv);
        Free(envp);
    }

    /// <summary>Waits for a child's end; its status as of waitpid(2).</summary>
    public static int WaitFor(int pid)
    {
        int status;
        while (waitpid(pid, &status, 0) < 0)
        {
            if (!IsInterrupted)
            {
                throw Failed($"wait for process {pid}");
            }
        }
        return status;
    }

    /// <summary>
    /// How a process ended, as of waitpid(2), by its pidfd: known to Linux 6.15 and later, once its parent has collected it.
    /// Null: not known.
    /// </summary>
    public static int? ExitStatus(int pidfd)
    {
        // struct pidfd_info, version 0: u64 mask (bit 3: exit code), u64, eleven u32, i32 exit code.
        const nuint GetInfo = 0xc040ff0b;
        const ulong HasExitCode = 1 << 3;
        var info = stackalloc byte[64];
        new Span<byte>(info, 64).Clear();
        *(ulong*)info = HasExitCode;
        return C.ioctl(pidfd, GetInfo, info) == 0 && (*(ulong*)info & HasExitCode) != 0 ? *(int*)(info + 60) : null;
    }

    /// <summary>Ends this process by a signal, as another one was, without a core of its own; by an exit status if that fails.</summary>
    public static void EndBy(int signal)
    {
        const int Dumpable = 4;
        _ = prctl(Dumpable, 0, 0, 0, 0);
        _ = C.signal_(signal, 0);
        UnblockSignals([signal]);
        _ = kill(ProcessId, signal);
        Environment.Exit(128 + signal);
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

    private static byte** Vector(IReadOnlyList<string> texts)
    {
        var vector = (byte**)NativeMemory.AllocZeroed((nuint)(texts.Count + 1), (nuint)sizeof(byte*));
        for (var i = 0; i < texts.Count; i++)
        {
            // Latin-1 both ways (ProcessReader reads so too): what /proc gave is passed on byte for byte.
            var bytes = Encoding.Latin1.GetBytes(texts[i]);
            vector[i] = (byte*)NativeMemory.AllocZeroed((nuint)bytes.Length + 1);
            bytes.CopyTo(new Span<byte>(vector[i], bytes.Length));
        }
        return vector;
    }

    private static void Free(byte** vector)
    {
        for (var p = vector; *p is not null; p++)
        {
            NativeMemory.Free(*p);
        }
        NativeMemory.Free(vector);
    }

    /// <summary>In a class of its own, so that other parts of Posix may have their own declarations of the same.</summary>
    private static partial class C
    {
        [LibraryImport("libc", SetLastError = true)]
        public static partial int getsockopt(int socket, int level, int name, void* value, uint* length);

        [LibraryImport("libc")]
        public static partial int getrlimit(int resource, ulong* limits);

        [LibraryImport("libc")]
        public static partial int setrlimit(int resource, ulong* limits);

        [LibraryImport("libc", EntryPoint = "signal")]
        public static partial nint signal_(int signal, nint handler);

        [LibraryImport("libc", SetLastError = true)]
        public static partial int ftruncate(int fd, long length);

        [LibraryImport("libc", SetLastError = true)]
        public static partial int fsync(int fd);

        [LibraryImport("libc")]
        public static partial nint pwrite(int fd, void* data, nuint size, long offset);

        [LibraryImport("libc")]
        public static partial nint pread(int fd, void* data, nuint size, long offset);

        [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        public static partial int execve(string program, byte** arguments, byte** environment);

        [LibraryImport("libc", SetLastError = true)]
        public static partial int ioctl(int fd, nuint request, void* argument);

        [LibraryImport("libc")]
        public static partial int fcntl(int fd, int command, nint value);

        [LibraryImport("libc", SetLastError = true)]
        public static partial int eventfd(uint value, int flags);

        [LibraryImport("libc")]
        public static partial int setpriority(int which, int pid, int nice);

        [LibraryImport("libc", SetLastError = true)]
        public static partial nint write(int fd, void* data, nuint size);

        [LibraryImport("libc", SetLastError = true)]
        public static partial nint read(int fd, void* data, nuint size);

        [LibraryImport("libc")]
        public static partial int posix_spawn_file_actions_init(void* actions);

        [LibraryImport("libc")]
        public static partial int posix_spawn_file_actions_destroy(void* actions);

        [LibraryImport("libc")]
        public static partial int posix_spawn_file_actions_adddup2(void* actions, int source, int target);

        [LibraryImport("libc")]
        public static partial int posix_spawn_file_actions_addclosefrom_np(void* actions, int from);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        public static partial int posix_spawn_file_actions_addchdir_np(void* actions, string folder);

        [LibraryImport("libc")]
        public static partial int posix_spawnattr_init(void* attributes);

        [LibraryImport("libc")]
        public static partial int posix_spawnattr_destroy(void* attributes);

        [LibraryImport("libc")]
        public static partial int posix_spawnattr_setflags(void* attributes, short flags);

        [LibraryImport("libc")]
        public static partial int posix_spawnattr_setsigmask(void* attributes, void* signals);

        [LibraryImport("libc")]
        public static partial int posix_spawnattr_setsigdefault(void* attributes, void* signals);

        [LibraryImport("libc")]
        public static partial int sigemptyset(void* signals);

        [LibraryImport("libc")]
        public static partial int sigfillset(void* signals);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        public static partial int posix_spawn(
            int* pid, string program, void* actions, void* attributes, byte** arguments, byte** environment);
    }
}
