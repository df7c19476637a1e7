using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Replay;

/// <summary>
/// The numbers of a process' timers, which are in no table of the middleware, in the order in which it met them. Under the gate.
/// </summary>
public sealed class Timers
{
    /// <summary>Timers' numbers are the last quarter of those of entities, which never come so far.</summary>
    public const uint First = 0xc00000;

    /// <summary>Those that the calling thread's wait is for.</summary>
    [ThreadStatic]
    private static List<uint>? t_awaited;

    private readonly Dictionary<nint, uint> _numbers = [];
    private uint _next = First;

    /// <summary>The number of the timer at an address.</summary>
    public uint this[nint timer]
    {
        get
        {
            if (!_numbers.TryGetValue(timer, out var number))
            {
                _numbers.Add(timer, number = _next);
                _next = _next == Session.EntityMask ? First : _next + 1;
            }
            return number;
        }
    }

    /// <summary>A timer is no more; at its address there may be another.</summary>
    public void Remove(nint timer) => _numbers.Remove(timer);

    /// <summary>The calling thread is about to wait for a timer too.</summary>
    public static void Await(uint timer) => (t_awaited ??= []).Add(timer);

    /// <summary>The calling thread waits for no timer, or has waited.</summary>
    public static void AwaitNone() => t_awaited?.Clear();

    /// <summary>Whether the calling thread waits for a timer.</summary>
    public static bool IsAwaited(uint timer) => t_awaited?.Contains(timer) == true;
}
