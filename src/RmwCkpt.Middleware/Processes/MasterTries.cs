using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Processes;

/// <summary>
/// When this process may start a domain's master. One that ended before it was one, for it is of another version say, does so
/// the next time too: it is tried again less and less often, and said once. Thread-safe.
/// </summary>
internal sealed class MasterTries
{
    private const long FirstPause = 1_000_000_000;
    private const int MostDoublings = 5;

    private readonly object _lock = new();
    private Signs? _before;
    private int _failures;
    private long _failedAt;

    /// <summary>What differs once there was a master, or once somebody has removed what it was to begin in.</summary>
    private readonly record struct Signs((uint, uint, ulong)? Lock, (uint, uint, ulong)? Table, uint Masters)
    {
        public static Signs In(RunFolder folder)
        {
            var (table, masters) = ProcessTable.MastersOf(folder);
            return new Signs(folder.Lock.Facts?.Id, table, masters);
        }
    }

    /// <summary>Whether the last that was started here never became one.</summary>
    public bool HasFailed => Volatile.Read(ref _failures) > 0;

    /// <summary>How long until the guardian may start one, ns; 0: now.</summary>
    public long Pause
    {
        get
        {
            lock (_lock)
            {
                return PauseOf(_failures);
            }
        }
    }

    /// <summary>Under the master's lock: whether one may be started now, which is then counted.</summary>
    /// <param name="isAsked">Somebody waits for it.</param>
    public bool TryBegin(RunFolder folder, bool isAsked)
    {
        lock (_lock)
        {
            if (_before is { } before)
            {
                _before = null;
                Judge(folder, before != Signs.In(folder));
            }
            if (PauseOf(isAsked ? Math.Min(_failures, 1) : _failures) > 0)
            {
                return false;
            }
            _before = Signs.In(folder);
            return true;
        }
    }

    private void Judge(RunFolder folder, bool isOther)
    {
        _failures = isOther ? 0 : _failures + 1;
        _failedAt = Posix.Now(Posix.MonotonicClock);
        if (_failures == 1)
        {
            Report.Error(
                $"the master of domain {folder.Domain} that this process has started ended at once; {folder.Run}/master.log says why "
                + "(if its program is of another version by now, end all nodes of the domain and start them again). It is tried again "
                + "less and less often. Nodes talk meanwhile, but new ones cannot join, and those that die do not come back");
        }
    }

    private long PauseOf(int failures) => failures == 0 ? 0 : Math.Max(
        0, _failedAt + (FirstPause << Math.Min(failures - 1, MostDoublings)) - Posix.Now(Posix.MonotonicClock));
}
