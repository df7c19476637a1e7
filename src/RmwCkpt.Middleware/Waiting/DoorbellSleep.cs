using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Waiting;

/// <summary>Sleeps on a process' doorbell, and spins before where that has paid of late. Any number of threads at once.</summary>
internal sealed class DoorbellSleep
{
    /// <summary>Longest spin, ns: about what a sleep and a wake cost.</summary>
    private const long SpinLimit = 50_000;

    /// <summary>A sleep shorter than this, ns, would better have been a spin: a sleep and its wake alone are half of it.</summary>
    private const long ShortSleep = 100_000;

    /// <summary>Spins in vain before sleeping at once again.</summary>
    private const int SpinTries = 4;

    private int _spinCredit;

    /// <summary>Until the bell rings or the time is over, or sooner. True: a signal came.</summary>
    public bool Until(Region slot, uint bell, long remaining)
    {
        var start = Posix.Now(Posix.MonotonicClock);
        if (Volatile.Read(ref _spinCredit) > 0 && Environment.ProcessorCount > 1)
        {
            var limit = remaining >= 0 ? Math.Min(remaining, SpinLimit) : SpinLimit;
            do
            {
                for (var i = 0; i < 32; i++)
                {
                    Thread.SpinWait(2);
                    if (slot.AcquireUInt32(ProcessTable.Bell) != bell)
                    {
                        Volatile.Write(ref _spinCredit, SpinTries);
                        return false;
                    }
                }
            }
            while (Posix.Now(Posix.MonotonicClock) - start < limit);
            Volatile.Write(ref _spinCredit, Math.Max(0, _spinCredit - 1));
        }
        var interrupted = ProcessTable.Sleep(slot, bell, remaining);
        if (Posix.Now(Posix.MonotonicClock) - start < ShortSleep)
        {
            Volatile.Write(ref _spinCredit, SpinTries);
        }
        return interrupted;
    }
}
