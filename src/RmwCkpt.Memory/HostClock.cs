using System.Globalization;

namespace RmwCkpt.Memory;

/// <summary>CLOCK_MONOTONIC is another one in each time namespace, and CRIU restores a process into a new one.</summary>
public static class HostClock
{
    /// <summary>What this process has to add to its CLOCK_MONOTONIC to have the host's, ns. Read from /proc each time.</summary>
    public static long ReadMonotonicOffset()
    {
        try
        {
            foreach (var line in File.ReadLines("/proc/self/timens_offsets"))
            {
                var fields = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
                if (fields is ["monotonic", var seconds, var nanoseconds])
                {
                    return -((long.Parse(seconds, CultureInfo.InvariantCulture) * 1_000_000_000)
                        + long.Parse(nanoseconds, CultureInfo.InvariantCulture));
                }
            }
        }
        catch (IOException)
        {
            // No time namespaces in this kernel.
        }
        return 0;
    }
}
