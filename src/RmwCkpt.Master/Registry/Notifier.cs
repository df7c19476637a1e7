namespace RmwCkpt.Master.Registry;

/// <summary>
/// Calls an action on a thread of its own, at once for the first <see cref="Signal"/> and once for any number that came
/// while it was under way or within a millisecond: twenty registrations in a row wake everybody a few times, not twenty.
/// </summary>
internal sealed class Notifier : IDisposable
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(1);
    private readonly Action _action;
    private readonly AutoResetEvent _signal = new(false);
    private readonly Thread _thread;
    private volatile bool _stopping;

    public Notifier(string name, Action action)
    {
        _action = action;
        _thread = new Thread(Run) { Name = name, IsBackground = true };
        _thread.Start();
    }

    public void Signal() => _signal.Set();

    public void Dispose()
    {
        _stopping = true;
        _signal.Set();
        _thread.Join();
        _signal.Dispose();
    }

    private void Run()
    {
        while (_signal.WaitOne() && !_stopping)
        {
            _action();
            Thread.Sleep(s_pause);
        }
    }
}
