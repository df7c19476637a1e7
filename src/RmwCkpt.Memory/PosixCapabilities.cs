using System.Runtime.InteropServices;

namespace RmwCkpt.Memory;

/// <summary>Capabilities (capabilities(7)), and the process ids that one of them allows to choose.</summary>
public static unsafe partial class Posix
{
    /// <summary>This program has rights that who runs it has not: a set-user-id program, or one with file capabilities.</summary>
    public static bool HasRightsOfItsFile => C2.getauxval(23) != 0;

    /// <summary>Whether nobody but root can put another program in the place of this one: all folders on the way are looked at.</summary>
    public static bool IsRootsAlone(string program)
    {
        const int CurrentFolder = -100;
        var fd = Open(program, ReadOnly | CloseOnExec, 0);
        // What it is called without links.
        var path = new FileInfo($"/proc/self/fd/{fd}").LinkTarget;
        Close(fd);
        for (; !string.IsNullOrEmpty(path); path = Path.GetDirectoryName(path))
        {
            if (Facts(CurrentFolder, path) is not { Owner: 0 } facts
                || ((facts.GroupMayWrite || facts.AnyoneMayWrite) && !(facts.IsFolder && facts.IsSticky)))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>
    /// What the calling thread starts from now on has these capabilities too, a bit each, as far as the thread may have them.
    /// </summary>
    public static void MakeAmbient(ulong capabilities)
    {
        // Version 3, this thread; then effective, permitted, inheritable: the lower halves, the upper halves.
        var header = stackalloc uint[] { 0x20080522, 0 };
        var sets = stackalloc uint[6];
        if (syscall(Abi.Own.CapGet, (nint)header, (nint)sets, 0, 0, 0, 0) != 0)
        {
            return;
        }
        for (var half = 0; half < 2; half++)
        {
            var raised = (uint)(capabilities >> (32 * half)) & sets[(half * 3) + 1];
            sets[half * 3] |= raised;
            sets[(half * 3) + 2] |= raised;
        }
        _ = syscall(Abi.Own.CapSet, (nint)header, (nint)sets, 0, 0, 0, 0);
        for (var bit = 0; bit < 64; bit++)
        {
            if ((capabilities >> bit & 1) == 1)
            {
                _ = prctl(47, 2, bit, 0, 0);
            }
        }
    }

    /// <summary>
    /// Makes a child with a process id that is free, which ends at once: whether that may be done. 0: yes, else the error.
    /// For programs that do little: the child is a fork.
    /// </summary>
    public static int TryChooseId(int pid)
    {
        // clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, its size, tls, set_tid, its size, cgroup.
        var arguments = stackalloc ulong[11];
        new Span<ulong>(arguments, 11).Clear();
        var wanted = stackalloc int[] { pid };
        const int SigChild = 17;
        arguments[4] = SigChild;
        arguments[8] = (ulong)wanted;
        arguments[9] = 1;
        var exit = Abi.Own.ExitGroup;
        // Bound before: the child cannot have it done.
        _ = C2.rawSyscall(-1, 0, 0);
        var got = C2.rawSyscall(435, (nint)arguments, 88);
        if (got == 0)
        {
            _ = C2.rawSyscall(exit, 0, 0);
        }
        var error = got < 0 ? Marshal.GetLastSystemError() : 0;
        if (got > 0)
        {
            int status;
            _ = waitpid((int)got, &status, 0);
        }
        return error;
    }

    private static partial class C2
    {
        [LibraryImport("libc")]
        public static partial nuint getauxval(nuint type);

        [LibraryImport("libc", EntryPoint = "syscall")]
        [SuppressGCTransition]
        public static partial nint rawSyscall(nint number, nint a, nint b);
    }
}
