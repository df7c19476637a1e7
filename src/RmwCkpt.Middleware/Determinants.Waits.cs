using RmwCkpt.Log;

namespace RmwCkpt.Middleware;

/// <summary>
/// How those who handle messages are told of them again. Takes come in the journal's order; who was told of what, and how
/// often in vain, may differ where threads wait in turn, as a multi-threaded executor's do, and nothing depends on it.
/// </summary>
public sealed partial class Determinants
{
    /// <summary>Entities of whose messages this replay has told, and from which nobody has taken since.</summary>
    private readonly HashSet<uint> _told = [];

    private Stillness _callbacks;
    private bool _hasCallbacks;

    /// <summary>The detail of a wait's cell: which thread waited, and how many more cells its result has (0: none).</summary>
    private uint WaitDetail(uint more) => (_roles.Mine << 16) | Math.Min(more, 0xffff);

    private static uint RoleOf(in Cell cell) => cell.Detail >> 16;

    private static uint MoreOf(in Cell cell) => cell.Detail & 0xffff;

    /// <summary>
    /// In replay: what the former life's wait on these entities returned. A wait that died half-recorded returns what was
    /// recorded: nothing can depend on the rest. False: live. <paramref name="mayTimeOut"/>: whether this wait has a limit.
    /// </summary>
    public bool TryReplayWait(ReadOnlySpan<uint> ids, Span<byte> ready, bool mayTimeOut, out bool timedOut)
    {
        timedOut = false;
        var stillness = default(Stillness);
        while (TryPeekStrict(out var next))
        {
            // A thread's own wait is told by an entity of it: a ready one, or what was the first for a time-out.
            var index = IndexOf(ids, next.Entity);
            var isTake = next.Kind is (byte)Determinant.Take or (byte)Determinant.Nothing;
            if (next.Kind == (byte)Determinant.Ready && index >= 0)
            {
                ReplayReady(ids, ready, next);
                return true;
            }
            if (mayTimeOut && next.Kind == (byte)Determinant.TimedOut && (index >= 0 || (ids.IsEmpty && next.Entity == 0)))
            {
                Consumed(next);
                ready.Clear();
                timedOut = true;
                return true;
            }
            var still = stillness.Lasts(_journal.Position);
            if (isTake && index >= 0 && (!_told.Contains(next.Entity) || still > ShortPatience))
            {
                // Nobody is on the way to this take: the former life's wait had another thread's result.
                ready.Clear();
                Tell(next.Entity, ready, index);
                return true;
            }
            if (next.Kind == (byte)Determinant.Ready && still > ShortestPatience)
            {
                PassReady(ids);
                continue;
            }
            if (next.Kind == (byte)Determinant.TimedOut && still > ShortPatience)
            {
                // Later than the others: who lacks it is late with its timers.
                _journal.Advance();
                continue;
            }
            if (still > ShortestPatience && FindTriggered(ids, ready))
            {
                // Another thread of this life wants this one to look at other entities.
                return true;
            }
            if (still > Patience)
            {
                GiveUp(Determinant.Ready, ids.IsEmpty ? 0 : ids[0], next);
                break;
            }
            Monitor.Wait(Gate, s_look);
        }
        return false;
    }

    /// <summary>
    /// In replay: which entity's callback is to be called for the next take, once for each <paramref name="position"/>.
    /// Nobody waits for the cells before it; those that nobody asks for are passed after a while.
    /// </summary>
    public bool TryPeekTake(out uint entity, out long position)
    {
        while (IsReplaying && _journal.TryPeek(out var cell))
        {
            if (cell.Kind is (byte)Determinant.Take or (byte)Determinant.Nothing)
            {
                (entity, position) = (cell.Entity, _journal.Position);
                return true;
            }
            _hasCallbacks = true;
            var patience = PatienceFor(cell);
            if (_callbacks.Lasts(_journal.Position) < patience)
            {
                break;
            }
            if (patience == TimerPatience)
            {
                GiveUpReader(cell.Entity);
            }
            Pass(cell);
        }
        (entity, position) = (0, _journal.Position);
        return false;
    }

    /// <summary>Takes the cells of one wait's result, from the first on.</summary>
    private void ReplayReady(ReadOnlySpan<uint> ids, Span<byte> ready, Cell cell)
    {
        ready.Clear();
        while (true)
        {
            Consumed(cell);
            if (IndexOf(ids, cell.Entity) is >= 0 and var index)
            {
                Tell(cell.Entity, ready, index);
            }
            if (MoreOf(cell) == 0 || !_journal.TryPeek(out cell) || cell.Kind != (byte)Determinant.Ready)
            {
                return;
            }
        }
    }

    /// <summary>
    /// Passes results of waits, up to one of these entities: their threads do not come. If one does, it still finds its take.
    /// </summary>
    private void PassReady(ReadOnlySpan<uint> ids)
    {
        while (TryPeekStrict(out var cell) && cell.Kind == (byte)Determinant.Ready && IndexOf(ids, cell.Entity) < 0)
        {
            _journal.Advance();
        }
    }

    private void Tell(uint entity, Span<byte> ready, int index)
    {
        ready[index] = 1;
        _told.Add(entity);
    }

    private bool FindTriggered(ReadOnlySpan<uint> ids, Span<byte> ready)
    {
        ready.Clear();
        for (var i = 0; i < ids.Length; i++)
        {
            ready[i] = _session.IsTriggered(ids[i]) ? (byte)1 : (byte)0;
        }
        return ready.Contains((byte)1);
    }

    private static int IndexOf(ReadOnlySpan<uint> ids, uint entity)
    {
        for (var i = 0; i < ids.Length; i++)
        {
            if ((ids[i] & Session.EntityMask) == entity)
            {
                return i;
            }
        }
        return -1;
    }
}
