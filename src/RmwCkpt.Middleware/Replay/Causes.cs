using RmwCkpt.Log;

namespace RmwCkpt.Middleware.Replay;

/// <summary>
/// What causes each message: the take or wake that its thread had last. By that a replay knows what it may have said before, and
/// what is new. Under the gate.
/// </summary>
internal sealed class Causes(ReplayJournal owner)
{
    /// <summary>The calling thread's last take or wake: in which journal, where, and whose.</summary>
    [ThreadStatic]
    private static (ReplayJournal? Journal, long Position, uint Role) t_last;

    /// <summary>Roles whose threads are seen to do something else than in the former life: their readings are void.</summary>
    private readonly HashSet<uint> _ended = [];

    /// <summary>The last take or wake of each role, in what there is to replay.</summary>
    private readonly Dictionary<uint, long> _last = [];

    /// <summary>Cells before this one are of former lives; while it replays, all are.</summary>
    private long _ownFrom;
    private bool _hasFormer;
    private bool _isReplaying;

    /// <summary>The calling thread has taken nothing yet, as in a process that begins.</summary>
    public static void Forget() => t_last = default;

    /// <summary>A replay begins.</summary>
    public void Begin()
    {
        _hasFormer = _isReplaying = true;
        _ended.Clear();
        _last.Clear();
    }

    /// <summary>A cell of the former life.</summary>
    public void Add(long position, in Cell cell)
    {
        if (IsOne(cell))
        {
            _last[cell.Role] = position;
        }
    }

    /// <summary>The replay is over, and the next cell is this life's.</summary>
    public void End(long position) => (_isReplaying, _ownFrom) = (false, position);

    /// <summary>The calling thread takes or wakes.</summary>
    public void Note(long position, uint role) => t_last = (owner, position, role);

    /// <summary>Its role does not do again what it did. False: that is known.</summary>
    public bool TryEnd(uint role) => _ended.Add(role);

    public bool IsEnded(uint role) => _ended.Count > 0 && _ended.Contains(role);

    /// <summary>Of what the calling thread, which has this role, publishes now.</summary>
    public Origin Origin(uint role)
    {
        if (t_last is { Journal: { IsDisposed: false } journal } last)
        {
            return new Origin(last.Position + 1, role, journal.NoveltyOf(last.Position, last.Role));
        }
        return new Origin(0, role, !_hasFormer || IsEnded(role)
            ? Novelty.New : _last.ContainsKey(role)
            ? Novelty.Replayed : _isReplaying
            ? Novelty.UnpromptedInReplay : Novelty.Unprompted);
    }

    /// <summary>Of what a thread says that had this take or wake last.</summary>
    public Novelty NoveltyOf(long position, uint role) =>
        !_hasFormer ? Novelty.New
        : !_isReplaying && position >= _ownFrom ? Novelty.Late
        : _last.GetValueOrDefault(role, -1) > position ? Novelty.Replayed
        : Novelty.Interrupted;

    private static bool IsOne(in Cell cell) =>
        cell.Kind is (byte)Determinant.Take or (byte)Determinant.Ready or (byte)Determinant.TimedOut or (byte)Determinant.Call;
}
