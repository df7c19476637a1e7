using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Replay;

/// <summary>The host's.</summary>
internal sealed class ReplayClock : IReplayClock
{
    /// <summary>How often who waits for others looks where nobody tells him.</summary>
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(2);

    public long Now => Posix.Now(Posix.MonotonicClock);

    public long Read(int clock) => Posix.Now(clock);

    public bool IsBusy => Posix.RunningThreads() > 1;

    public int ThreadId => Posix.ThreadId;

    public bool IsAsleep(int thread) => Posix.IsAsleep(thread);

    public void Wait(object gate) => Monitor.Wait(gate, s_look);
}
