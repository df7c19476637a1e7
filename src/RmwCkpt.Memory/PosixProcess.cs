using System.Runtime.InteropServices;

namespace RmwCkpt.Memory;

/// <summary>Calls about processes that a client of the master needs.</summary>
public static unsafe partial class Posix
{
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

    /// <summary>The file that holds a function of this library, so that what was installed beside it is found.</summary>
    public static string? LibraryOf(nint address)
    {
        DlInfo info;
        return dladdr(address, &info) != 0 ? Marshal.PtrToStringUTF8(info.FileName) : null;
    }

    /// <summary>Removes a variable from the process' own environment, so that its children do not inherit it.</summary>
    public static void UnsetEnvironment(string name) => unsetenv(name);

    /// <summary>
    /// The calling thread handles none of the signals that ask a program for something: their handlers, which are the
    /// program's, must not find it in .NET's code. Those of faults and of the runtime itself are let through.
    /// </summary>
    public static void LeaveSignalsToOthers()
    {
        BlockSignals([SigHup, SigInt, 3, 10, 12, 14, SigTerm, 17, 20, 28]); // QUIT, USR1, USR2, ALRM, CHLD, TSTP, WINCH
    }

    /// <summary>The signals that a process passes on which stands in for another one.</summary>
    public static readonly IReadOnlyList<int> PassedOn = [SigHup, SigInt, 3, 10, 12, SigTerm]; // QUIT, USR1, USR2

    /// <summary>The calling thread, and a program that it becomes, takes these later.</summary>
    public static void BlockSignals(IReadOnlyList<int> signals) => SetMask(0, signals);

    public static void UnblockSignals(IReadOnlyList<int> signals) => SetMask(1, signals);

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

    private static void SetMask(int how, IReadOnlyList<int> signals)
    {
        var mask = stackalloc ulong[16];
        new Span<ulong>(mask, 16).Clear();
        foreach (var signal in signals)
        {
            mask[0] |= 1ul << (signal - 1);
        }
        _ = pthread_sigmask(how, mask, null);
    }

    private static nint* environ() => *(nint**)NativeLibrary.GetExport(NativeLibrary.GetMainProgramHandle(), "environ");

    [StructLayout(LayoutKind.Sequential)]
    private struct DlInfo
    {
        public nint FileName;
        public nint FileBase;
        public nint SymbolName;
        public nint SymbolAddress;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(int fd, byte* bytes, nuint count);

    [LibraryImport("libc")]
    private static partial int dladdr(nint address, DlInfo* info);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int execv(string program, nint* arguments);

    [LibraryImport("libc")]
    private static partial int pthread_sigmask(int how, ulong* mask, ulong* old);

    [LibraryImport("libc")]
    private static partial int sigpending(ulong* set);

    [LibraryImport("libc")]
    private static partial int sigtimedwait(ulong* set, void* info, TimeSpec* timeout);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int unsetenv(string name);

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

    /// <summary>The calling thread's number for the kernel.</summary>
    public static int ThreadId => gettid();

    /// <summary>How many threads of this process run, or could.</summary>
    public static int RunningThreads()
    {
        var running = 0;
        foreach (var task in Directory.EnumerateDirectories("/proc/self/task"))
        {
            running += StateOf(task) == 'R' ? 1 : 0;
        }
        return running;
    }

    /// <summary>Whether a thread of this process neither runs nor could; so is one that has ended.</summary>
    public static bool IsAsleep(int thread) => StateOf($"/proc/self/task/{thread}") != 'R';

    private static char StateOf(string task)
    {
        try
        {
            // The name, in brackets, may be anything.
            var stat = File.ReadAllText($"{task}/stat");
            return stat[stat.LastIndexOf(')') + 2];
        }
        catch (IOException)
        {
            return 'X';
        }
    }

    [LibraryImport("libc")]
    private static partial int gettid();
}
