namespace RmwCkpt.Middleware.Replay;

/// <summary>
/// Whose part each thread has in what the journal says. At first its own; when a thread is seen to do what another did in
/// the former life, as where multi-threaded executors hand work around, the two have changed parts. Under the gate.
/// </summary>
public sealed class Roles
{
    /// <summary>Roles are at most this: so much room is in a cell.</summary>
    public const uint Last = 0xffff;

    [ThreadStatic]
    private static uint t_number;

    private static uint s_threads;
    private readonly Dictionary<uint, uint> _roles = [];

    /// <summary>The calling thread's.</summary>
    public uint Mine
    {
        get
        {
            var number = Number;
            return _roles.Count == 0 ? number : _roles.GetValueOrDefault(number, number);
        }
    }

    /// <summary>A thread's number, from 1 in the order of their first questions. It is in the thread's memory: snapshots keep it.</summary>
    private static uint Number =>
        t_number != 0 ? t_number : t_number = ((Interlocked.Increment(ref s_threads) - 1) % Last) + 1;

    /// <summary>The calling thread is this one in the order of their first questions, as tests have it.</summary>
    internal static void Be(uint number) => t_number = number;

    /// <summary>The calling thread has this role from now on; who had it has the caller's.</summary>
    public void Take(uint role)
    {
        var mine = Mine;
        if (mine == role || role == 0)
        {
            return;
        }
        _roles[HolderOf(role)] = mine;
        _roles[Number] = role;
    }

    private uint HolderOf(uint role)
    {
        foreach (var (thread, its) in _roles)
        {
            if (its == role)
            {
                return thread;
            }
        }
        return role;
    }
}
