using System.Runtime.InteropServices;

namespace RmwCkpt.Memory;

/// <summary>The C library's calls that .NET does not offer, on Linux (<see cref="Abi"/>: of which architecture). Here: errors, clocks, who this process is.</summary>
public static unsafe partial class Posix
{
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

    public static uint UserId => geteuid();

    public static int ProcessId => getpid();

    /// <summary>This process' session; 0: its leader is outside of the pid namespace.</summary>
    public static int SessionId => getsid(0);

    /// <summary>Whether the last call failed because a signal came: it is to be made again.</summary>
    private static bool IsInterrupted => Marshal.GetLastPInvokeError() == Eintr;

    private static PosixException Failed(string what) => new(Marshal.GetLastPInvokeError(), what);

    [StructLayout(LayoutKind.Sequential)]
    internal struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    /// <summary>The file that holds a function of this library, so that what was installed beside it is found.</summary>
    public static string? LibraryOf(nint address)
    {
        DlInfo info;
        return dladdr(address, &info) != 0 ? Marshal.PtrToStringUTF8(info.FileName) : null;
    }

    /// <summary>Removes a variable from the process' own environment, so that its children do not inherit it.</summary>
    public static void UnsetEnvironment(string name) => unsetenv(name);

    private static nint* environ() => *(nint**)NativeLibrary.GetExport(NativeLibrary.GetMainProgramHandle(), "environ");

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [SuppressGCTransition]
    private static partial int ClockGetTime(int clock, TimeSpec* time);

    [LibraryImport("libc")]
    private static partial uint geteuid();

    [LibraryImport("libc")]
    private static partial int getpid();

    [LibraryImport("libc")]
    private static partial int getsid(int pid);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint syscall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    [StructLayout(LayoutKind.Sequential)]
    private struct DlInfo
    {
        public nint FileName;
        public nint FileBase;
        public nint SymbolName;
        public nint SymbolAddress;
    }

    [LibraryImport("libc")]
    private static partial int dladdr(nint address, DlInfo* info);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int unsetenv(string name);
}
