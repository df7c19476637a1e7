using System.Runtime.InteropServices;

namespace RmwCkpt.Memory;

/// <summary>What a process and its threads have of the processors and of limits: read, and given to others.</summary>
public static unsafe partial class Posix
{
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

    /// <summary>Gives a process its share of the processors: -20 (the largest) to 19. Not for everyone to raise.</summary>
    public static void TrySetNice(int pid, int nice) => _ = C.setpriority(0, pid, nice);

    /// <summary>Lets the calling thread run only when nothing else wants the processor.</summary>
    public static void LowerPriority() => C.setpriority(0, 0, 15);

    /// <summary>As many resources as setrlimit(2) knows.</summary>
    public const int Resources = 16;

    /// <summary>Only the calling thread, which forks and then is a process' parent, is to have it.</summary>
    public const int ResetOnFork = 0x40000000;

    private const int AffinitySize = 1024; // 8192 processors

    /// <summary>The processors that a thread may run on, a bit each; empty: there is no such thread.</summary>
    public static byte[] Affinity(int thread)
    {
        var mask = stackalloc byte[AffinitySize];
        var size = (int)syscall(Abi.Own.GetAffinity, thread, AffinitySize, (nint)mask, 0, 0, 0);
        var bytes = new Span<byte>(mask, Math.Max(size, 0));
        return bytes[..(bytes.LastIndexOfAnyExcept((byte)0) + 1)].ToArray();
    }

    /// <summary>Which processors a thread may run on (0: the calling one), as far as they are there. False: none of them is.</summary>
    public static bool SetAffinity(int thread, ReadOnlySpan<byte> processors)
    {
        var mask = stackalloc byte[AffinitySize];
        new Span<byte>(mask, AffinitySize).Clear();
        processors[..Math.Min(processors.Length, AffinitySize)].CopyTo(new Span<byte>(mask, AffinitySize));
        return syscall(Abi.Own.SetAffinity, thread, AffinitySize, (nint)mask, 0, 0, 0) >= 0;
    }

    /// <summary>A thread's policy (SCHED_...) and its priority under it; -1: there is no such thread.</summary>
    public static (int Policy, int Priority) Scheduler(int thread)
    {
        int priority;
        return (S.sched_getscheduler(thread), S.sched_getparam(thread, &priority) == 0 ? priority : 0);
    }

    /// <summary>Gives a thread (0: the calling one) policy and priority; not for everyone.</summary>
    public static bool SetScheduler(int thread, int policy, int priority) => S.sched_setscheduler(thread, policy, &priority) == 0;

    /// <summary>A thread's niceness, -20 to 19.</summary>
    public static int Niceness(int thread) => S.getpriority(0, thread);

    /// <summary>Soft and hard limits of a process, by number of resource; empty: there is no such process.</summary>
    public static ulong[] Limits(int pid)
    {
        var limits = new ulong[Resources * 2];
        for (var i = 0; i < Resources; i++)
        {
            fixed (ulong* p = &limits[i * 2])
            {
                if (S.prlimit(pid, i, null, p) != 0)
                {
                    return [];
                }
            }
        }
        return limits;
    }

    /// <summary>Sets one resource's limits of a process. To raise the hard one is not for everyone.</summary>
    public static bool SetLimit(int pid, int resource, ulong soft, ulong hard)
    {
        var limit = stackalloc ulong[] { soft, hard };
        return S.prlimit(pid, resource, limit, null) == 0;
    }

    /// <summary>The process' file mode creation mask is <paramref name="mask"/> from now on; returns the one before.</summary>
    public static int SetUmask(int mask) => (int)S.umask((uint)mask);

    /// <summary>From now on the calling thread has a umask and a working folder of its own. Not to be undone.</summary>
    public static bool UnshareFileSystem() => S.unshare(0x200) == 0;

    private static partial class S
    {
        [LibraryImport("libc")]
        public static partial int sched_getscheduler(int pid);

        [LibraryImport("libc")]
        public static partial int sched_getparam(int pid, int* priority);

        [LibraryImport("libc")]
        public static partial int sched_setscheduler(int pid, int policy, int* priority);

        [LibraryImport("libc")]
        public static partial int getpriority(int which, int who);

        [LibraryImport("libc")]
        public static partial int prlimit(int pid, int resource, ulong* limit, ulong* old);

        [LibraryImport("libc")]
        public static partial uint umask(uint mask);

        [LibraryImport("libc")]
        public static partial int unshare(int flags);
    }

    [LibraryImport("libc")]
    private static partial int gettid();
}
