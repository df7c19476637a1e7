using RmwCkpt.Middleware.Replay;

namespace RmwCkpt.Middleware.Tests.Replay;

/// <summary>
/// Threads of which one runs at a time: which one, a seed says, at each of their steps. Time passes only while all wait.
/// </summary>
/// <param name="now">ns, when it begins.</param>
internal sealed class Simulation(Random random, long now) : IReplayClock
{
    /// <summary>ns, when the first one begins.</summary>
    public const long Begin = 1_000_000_000;

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

        public int Id { get; init; }

        public bool HasAsked { get; set; }
    }

    public long Now { get; private set; } = now;

    public long Read(int clock) => Now;

    public bool IsBusy => _actors.Exists(x => x != _current && CanRun(x));

    /// <summary>Whether it was ended before its threads were.</summary>
    public bool IsStopped => _steps >= _stopAt;

    /// <summary>Runs threads until all have ended, or <paramref name="stopAt"/> steps are done.</summary>
    public void Run(int stopAt, params Action[] bodies)
    {
        _stopAt = stopAt;
        Exception? failure = null;
        var threads = bodies.Select((body, index) =>
        {
            var actor = new Actor { Id = index + 1 };
            _actors.Add(actor);
            return new Thread(() =>
            {
                actor.Turn.Wait();
                try
                {
                    Causes.Forget();
                    RosClock.Forget();
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
        if (failure is not null)
        {
            throw new InvalidOperationException(failure.Message, failure);
        }
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

    public int ThreadId => _current!.Id;

    public bool IsAsleep(int thread) => _actors.Exists(x => x.Id == thread && !CanRun(x));

    /// <summary>The calling thread is about to ask something: threads are numbered as their first questions come.</summary>
    public void Ask()
    {
        if (!_current!.HasAsked)
        {
            _current.HasAsked = true;
            Roles.Be((uint)_actors.Count(x => x.HasAsked));
        }
    }

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
