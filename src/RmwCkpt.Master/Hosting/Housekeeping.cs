using Microsoft.Extensions.Logging;

namespace RmwCkpt.Master.Hosting;

/// <summary>What a master sees to each two seconds: on a timer's thread, never twice at a time.</summary>
internal sealed class Housekeeping : IDisposable
{
    private static readonly TimeSpan s_each = TimeSpan.FromSeconds(2);

    private readonly object _gate = new();
    private readonly Action[] _duties;
    private readonly ILogger _log;
    private readonly Timer _timer;

    public Housekeeping(ILogger log, params Action[] duties)
    {
        (_log, _duties) = (log, duties);
        _timer = new Timer(_ => Run(), null, Timeout.Infinite, Timeout.Infinite);
    }

    public void Start() => _timer.Change(s_each, s_each);

    /// <summary>Waits for the one that is under way.</summary>
    public void Dispose()
    {
        using var done = new ManualResetEvent(false);
        if (_timer.Dispose(done))
        {
            done.WaitOne();
        }
    }

    private void Run()
    {
        if (!Monitor.TryEnter(_gate))
        {
            // The last one is still under way.
            return;
        }
        try
        {
            Array.ForEach(_duties, Do);
        }
        finally
        {
            Monitor.Exit(_gate);
        }
    }

    private void Do(Action duty)
    {
        try
        {
            duty();
        }
        catch (Exception e)
        {
            _log.Unexpected("housekeeping", e);
        }
    }
}
