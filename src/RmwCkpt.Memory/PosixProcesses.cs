using System.Runtime.InteropServices;
using System.Text;

namespace RmwCkpt.Memory;

/// <summary>Processes: starting them, becoming another program, and how they end.</summary>
public static unsafe partial class Posix
{
    /// <summary>A descriptor that is readable once the process has ended; -1 when there is no such process.</summary>
    public static int OpenPidfd(int pid) => (int)syscall(434, pid, 0, 0, 0, 0, 0);

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

    /// <summary>Becomes another program, with this process' environment; returns only when that fails, with why.</summary>
    public static PosixException Execute(string program, IReadOnlyList<string> arguments)
    {
        var pointers = new nint[arguments.Count + 1];
        for (var i = 0; i < arguments.Count; i++)
        {
            pointers[i] = Marshal.StringToCoTaskMemUTF8(arguments[i]);
        }
        fixed (nint* p = pointers)
        {
            _ = execv(program, p);
        }
        var error = Failed($"execute {program}");
        Array.ForEach(pointers, Marshal.FreeCoTaskMem);
        return error;
    }

    /// <summary>
    /// Starts a program as a daemon: own session, standard descriptors on /dev/null, <paramref name="passed"/> as
    /// descriptor 3 and no other, no child of this process (a shell in between ends at once).
    /// </summary>
    /// <exception cref="PosixException">It could not be started.</exception>
    public static void StartDaemon(string program, IReadOnlyList<string> arguments, int passed)
    {
        // posix_spawn: fork in a process with threads and a managed runtime is not safe.
        string[] argv = ["/bin/sh", "-c", "\"$0\" \"$@\" &", program, .. arguments];
        var actions = stackalloc byte[256];
        var attributes = stackalloc byte[1024];
        _ = posix_spawn_file_actions_init(actions);
        _ = posix_spawnattr_init(attributes);
        var pointers = new nint[argv.Length + 1];
        try
        {
            _ = posix_spawn_file_actions_adddup2(actions, passed, 3);
            for (var fd = 0; fd < 3; fd++)
            {
                _ = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", ReadWrite, 0);
            }
            _ = posix_spawn_file_actions_addclosefrom_np(actions, 4);
            const short NewSession = 0x80;
            _ = posix_spawnattr_setflags(attributes, NewSession);
            for (var i = 0; i < argv.Length; i++)
            {
                pointers[i] = Marshal.StringToCoTaskMemUTF8(argv[i]);
            }
            int pid;
            fixed (nint* p = pointers)
            {
                var error = posix_spawn(&pid, pointers[0], actions, attributes, p, environ());
                if (error != 0)
                {
                    throw new PosixException(error, $"start {program}");
                }
            }
            int status;
            while (waitpid(pid, &status, 0) < 0 && IsInterrupted)
            {
            }
        }
        finally
        {
            _ = posix_spawn_file_actions_destroy(actions);
            _ = posix_spawnattr_destroy(attributes);
            Array.ForEach(pointers, Marshal.FreeCoTaskMem);
        }
    }

    /// <summary>The same open file as another process' descriptor; -1 when it may not be had.</summary>
    public static int TakeDescriptor(int pidfd, int fd) => (int)syscall(438, pidfd, fd, 0, 0, 0, 0);

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

    [LibraryImport("libc", SetLastError = true)]
    private static partial int waitpid(int pid, int* status, int options);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int prctl(int option, nint a, nint b, nint c, nint d);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int execv(string program, nint* arguments);

    [LibraryImport("libc")]
    private static partial int posix_spawn(int* pid, nint path, byte* actions, byte* attributes, nint* argv, nint* environment);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(byte* actions, int from, int to);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int posix_spawn_file_actions_addopen(byte* actions, int fd, string path, int flags, int mode);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_addclosefrom_np(byte* actions, int from);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_init(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_destroy(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setflags(byte* attributes, short flags);
}
