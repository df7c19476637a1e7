using System.Runtime.InteropServices;

namespace RmwCkpt.Memory;

/// <summary>Signals: sending them, masking them, ending by one.</summary>
public static unsafe partial class Posix
{
    public const int SigHup = 1;
    public const int SigInt = 2;
    public const int SigKill = 9;
    public const int SigPipe = 13;
    public const int SigTerm = 15;

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

    /// <summary>Ignores a signal for the rest of this process' life. <see cref="Spawn"/> gives children the default again.</summary>
    public static void Ignore(int signal) => C.signal_(signal, 1);

    /// <summary>Gives a signal its default again.</summary>
    public static void Restore(int signal) => C.signal_(signal, 0);

    /// <summary>Sends a signal to the process that a pidfd stands for.</summary>
    public static void KillByPidfd(int pidfd, int signal) => _ = syscall(424, pidfd, signal, 0, 0, 0, 0);

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

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int pid, int signal);

    [LibraryImport("libc")]
    private static partial int pause();

    [LibraryImport("libc")]
    private static partial int pthread_sigmask(int how, ulong* mask, ulong* old);

    [LibraryImport("libc")]
    private static partial int sigpending(ulong* set);

    [LibraryImport("libc")]
    private static partial int sigtimedwait(ulong* set, void* info, TimeSpec* timeout);
}
