using RmwCkpt.Middleware.Replay;

namespace RmwCkpt.Middleware.Tests.Replay;

/// <summary>
/// Threads of which one runs at a time: which one, a seed says, at each of their steps. Time passes only while all wait.
/// </summary>
internal sealed class Simulation(Random random) : IReplayClock
{
    private const long Look = 2_000_000;
    private const int MostSteps = 200_000;

    private readonly List<Actor> _actors = [];
    private Actor? _current;
    private int _steps;
    private int _stopAt = int.MaxValue;

    private sealed class StopException : Exception;

    private sealed class Actor
    {
        public SemaphoreSlim Turn { get; } = new(0);

        public long WaitsUntil { get; set; }

        public Func<bool>? BlockedBy { get; set; }

        public bool IsOver { get; set; }

        public uint Number { get; set; }
    }

    public long Now { get; private set; } = 1_000_000_000;

    public long Read(int clock) => Now;

    public bool IsBusy => _actors.Exists(x => x != _current && CanRun(x));

    /// <summary>Whether it was ended before its threads were.</summary>
    public bool IsStopped => _steps >= _stopAt;

    /// <summary>Runs threads until all have ended, or <paramref name="stopAt"/> steps are done. Returns the steps.</summary>
    public int Run(int stopAt, params Action[] bodies)
    {
        _stopAt = stopAt;
        Exception? failure = null;
        var numbers = 0u;
        var threads = bodies.Select(body =>
        {
            var actor = new Actor();
            _actors.Add(actor);
            return new Thread(() =>
            {
                actor.Turn.Wait();
                try
                {
                    Causes.Forget();
                    // As their first questions come.
                    Roles.Be(actor.Number = ++numbers);
                    Step();
                    body();
                }
                catch (StopException)
                {
                }
                catch (Exception e)
                {
                    failure ??= e;
                    _stopAt = 0;
                }
                actor.IsOver = true;
                PassOn();
            });
        }).ToList();
        threads.ForEach(x => x.Start());
        PassOn();
        threads.ForEach(x => x.Join());
        return failure is null ? _steps : throw new InvalidOperationException(failure.Message, failure);
    }

    /// <summary>Another thread may go on here, or the process dies.</summary>
    public void Step()
    {
        var me = _current!;
        if (++_steps > MostSteps)
        {
            throw new InvalidOperationException("it does not end");
        }
        if (IsStopped)
        {
            throw new StopException();
        }
        PassOn();
        me.Turn.Wait();
        if (IsStopped)
        {
            throw new StopException();
        }
    }

    public void Sleep(long time)
    {
        _current!.WaitsUntil = Now + time;
        Step();
    }

    /// <summary>Waits for a lock of the program's own.</summary>
    public void Block(Func<bool> isHeld)
    {
        while (isHeld())
        {
            _current!.BlockedBy = isHeld;
            Step();
        }
    }

    public int ThreadId => (int)_current!.Number;

    public bool IsAsleep(int thread) => _actors.Exists(x => x.Number == thread && !CanRun(x));

    void IReplayClock.Wait(object gate)
    {
        Monitor.Exit(gate);
        try
        {
            Sleep(Look);
        }
        finally
        {
            Monitor.Enter(gate);
        }
    }

    private bool CanRun(Actor actor) => !actor.IsOver && (IsStopped || (actor.WaitsUntil <= Now && actor.BlockedBy?.Invoke() != true));

    private void PassOn()
    {
        var ready = _actors.FindAll(CanRun);
        while (ready.Count == 0 && _actors.Exists(x => !x.IsOver))
        {
            var waiting = _actors.FindAll(x => !x.IsOver && x.WaitsUntil > Now);
            if (waiting.Count == 0)
            {
                _stopAt = 0;
            }
            else
            {
                Now = waiting.Min(x => x.WaitsUntil);
            }
            ready = _actors.FindAll(CanRun);
        }
        if (ready.Count > 0)
        {
            _current = ready[random.Next(ready.Count)];
            _current.BlockedBy = null;
            _current.Turn.Release();
        }
    }
}
