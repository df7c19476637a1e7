using System.Runtime.InteropServices;

namespace RmwCkpt.Memory;

/// <summary>futex(2) on words of shared mappings (never the private flavour: waker and sleeper are different processes).</summary>
public static unsafe class Futex
{
    private const int Eintr = 4;

    /// <summary>
    /// Sleeps while the word is <paramref name="expected"/>, for at most <paramref name="timeout"/> ns (negative: no
    /// limit). Returns on a wake, a change, a signal or the time-out: look again. True: a signal. A relative time, so that
    /// a restore in the middle does no harm.
    /// </summary>
    public static bool Wait(Region region, int offset, uint expected, long timeout)
    {
        var time = new Posix.TimeSpec { Seconds = timeout / 1_000_000_000, Nanoseconds = timeout % 1_000_000_000 };
        return Posix.syscall(Abi.Own.Futex, region.Pointer(offset, 4), 0, (nint)expected, timeout < 0 ? 0 : (nint)(&time), 0, 0) < 0
            && Marshal.GetLastSystemError() == Eintr;
    }

    public static void WakeAll(Region region, int offset) =>
        Posix.syscall(Abi.Own.Futex, region.Pointer(offset, 4), 1, int.MaxValue, 0, 0, 0);
}
