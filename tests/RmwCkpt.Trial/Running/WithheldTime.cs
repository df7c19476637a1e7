using System.Globalization;
using RmwCkpt.Memory;

namespace RmwCkpt.Trial.Running;

/// <summary>
/// How long the machine kept a process from running, by the kernel's own books: "steal" of /proc/stat (a hypervisor gave the
/// processors to others; in ticks of 10 ms) and the run delay of /proc/PID/schedstat (ready to run, but others ran). Not
/// thread-safe while it samples.
/// </summary>
public sealed class WithheldTime
{
    private const long SampleEvery = 50_000_000;
    private const long Tick = 10_000_000;
    private readonly List<(long At, long Sum)> _samples = [];
    private long _stolenAtFirst = -1;
    private long _delayed;
    private (int Pid, long Delay) _last;

    /// <summary>Notes the sums so far, if the last sample is old enough.</summary>
    public void Sample(int pid)
    {
        var now = Posix.Now(Posix.MonotonicClock);
        if (_samples.Count > 0 && now - _samples[^1].At < SampleEvery)
        {
            return;
        }
        var stolen = Stolen();
        _stolenAtFirst = _stolenAtFirst < 0 ? stolen : _stolenAtFirst;
        var delay = RunDelay(pid);
        _delayed += pid == _last.Pid ? Math.Max(0, delay - _last.Delay) : delay;
        _last = (pid, delay);
        _samples.Add((now, stolen - _stolenAtFirst + _delayed));
    }

    /// <summary>The time withheld since the first sample, ns.</summary>
    public long Sum => _samples.Count == 0 ? 0 : _samples[^1].Sum - _samples[0].Sum;

    /// <summary>The time withheld between two times, ns, with a sample more on either side.</summary>
    public double Between(long from, long to)
    {
        if (_samples.Count == 0)
        {
            return 0;
        }
        var first = Math.Max(0, _samples.FindIndex(x => x.At >= from) - 1);
        var last = _samples.FindIndex(x => x.At >= to);
        return _samples[last < 0 ? ^1 : last].Sum - _samples[first].Sum;
    }

    private static long Stolen()
    {
        // "cpu user nice system idle iowait irq softirq steal ...", over all processors.
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 8 ? long.Parse(fields[8], CultureInfo.InvariantCulture) * Tick : 0;
    }

    private static long RunDelay(int pid)
    {
        try
        {
            return long.Parse(File.ReadAllText($"/proc/{pid}/schedstat").Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0; // it is dead at the moment, or this kernel keeps no such book
        }
    }
}
