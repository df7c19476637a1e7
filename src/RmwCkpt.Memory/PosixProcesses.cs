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
    /// descriptor 3 and no other, no signal blocked or ignored (but SIGINT and SIGQUIT, by the shell), no variables that are for
    /// this process' own libraries, no child of this process (a shell in between ends at once).
    /// </summary>
    /// <exception cref="PosixException">It could not be started.</exception>
    public static void StartDaemon(string program, IReadOnlyList<string> arguments, int passed)
    {
        // posix_spawn: fork in a process with threads and a managed runtime is not safe.
        // glibc's posix_spawn_file_actions_t and posix_spawnattr_t are 80 and 336 bytes; sigset_t is 128.
        const string Shell = "/bin/sh";
        var actions = stackalloc byte[512];
        var attributes = stackalloc byte[1024];
        var argv = Vector([Shell, "-c", "\"$0\" \"$@\" &", program, .. arguments], Encoding.UTF8);
        C.posix_spawn_file_actions_init(actions);
        C.posix_spawnattr_init(attributes);
        try
        {
            C.posix_spawn_file_actions_adddup2(actions, passed, 3);
            for (var fd = 0; fd < 3; fd++)
            {
                C.posix_spawn_file_actions_addopen(actions, fd, "/dev/null", ReadWrite, 0);
            }
            C.posix_spawn_file_actions_addclosefrom_np(actions, 4);
            GiveSignals(attributes, newSession: true);
            int pid;
            int error;
            fixed (nint* environment = DaemonEnvironment())
            {
                error = C.posix_spawn(&pid, Shell, actions, attributes, argv, (byte**)environment);
            }
            if (error != 0)
            {
                throw new PosixException(error, $"start {program}");
            }
            int status;
            while (waitpid(pid, &status, 0) < 0 && IsInterrupted)
            {
            }
        }
        finally
        {
            C.posix_spawn_file_actions_destroy(actions);
            C.posix_spawnattr_destroy(attributes);
            Free(argv);
        }
    }

    /// <summary>
    /// This process' environment for a program that outlives it: without what changes the libraries, the allocator and the
    /// runtime of this one (a preloaded sanitizer or clock, the limits of its garbage collector).
    /// </summary>
    private static nint[] DaemonEnvironment()
    {
        var kept = new List<nint>();
        for (var variable = environ(); variable is not null && *variable != 0; variable++)
        {
            var text = MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)*variable);
            if (text.StartsWith("DOTNET_ROOT"u8)
                || !(text.StartsWith("LD_"u8) || text.StartsWith("GLIBC_TUNABLES="u8) || text.StartsWith("MALLOC_"u8)
                    || text.StartsWith("DOTNET_"u8) || text.StartsWith("COMPlus_"u8) || text.StartsWith("CORECLR_"u8)))
            {
                kept.Add(*variable);
            }
        }
        return [.. kept, 0];
    }

    /// <summary>The program that is started blocks no signal, and all have their defaults.</summary>
    private static void GiveSignals(void* attributes, bool newSession)
    {
        const short SignalDefaults = 0x04;
        const short SignalMask = 0x08;
        const short NewSession = 0x80;
        var signals = stackalloc byte[128];
        C.sigemptyset(signals);
        C.posix_spawnattr_setsigmask(attributes, signals);
        C.sigfillset(signals);
        C.posix_spawnattr_setsigdefault(attributes, signals);
        C.posix_spawnattr_setflags(attributes, (short)(SignalDefaults | SignalMask | (newSession ? NewSession : 0)));
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
        var actions = stackalloc byte[512];
        var attributes = stackalloc byte[1024];
        var argv = Vector(arguments, Encoding.Latin1);
        var envp = Vector(environment, Encoding.Latin1);
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
            GiveSignals(attributes, newSession);
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
        var argv = Vector(arguments, Encoding.Latin1);
        var envp = Vector(environment, Encoding.Latin1);
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

    /// <param name="encoding">Latin-1 for what /proc gave (ProcessReader reads so): it is passed on byte for byte.</param>
    private static byte** Vector(IReadOnlyList<string> texts, Encoding encoding)
    {
        var vector = (byte**)NativeMemory.AllocZeroed((nuint)(texts.Count + 1), (nuint)sizeof(byte*));
        for (var i = 0; i < texts.Count; i++)
        {
            var bytes = encoding.GetBytes(texts[i]);
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
}
