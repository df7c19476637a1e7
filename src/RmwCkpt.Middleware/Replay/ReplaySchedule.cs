using RmwCkpt.Log;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Replay;

/// <summary>
/// What a former life did, by its journal, and how much of it this one has done again. Each role has its steps in program order.
/// Takes come in the journal's order; so do waits, among those that a wait fits. A thread that does what another role did next
/// has that role from then on, which its caller sees by the step's role. Under the gate.
/// </summary>
internal sealed class ReplaySchedule
{
    private Step[] _steps = new Step[256];
    private int _count;
    private readonly Dictionary<uint, Line> _roles = [];
    private readonly Dictionary<uint, Line> _entities = [];
    private int _firstTake;
    private int _firstWait;
    private int _firstTry;
    private int _firstAny;

    private struct Step
    {
        public long Position;
        public Cell Cell;
        public int NextOfRole;
        public int NextOfEntity;
        public bool IsDone;
    }

    /// <summary>Steps of one role, or takes from one entity: the first that may not be done, and the last.</summary>
    private sealed class Line
    {
        public int First { get; set; } = -1;

        public int Last { get; set; } = -1;
    }

    /// <summary>Takes, calls of timers and waits that are not done.</summary>
    public int Ordered { get; private set; }

    /// <summary>All else that is not done: readings, and takes that found nothing.</summary>
    public int Readings { get; private set; }

    /// <summary>The position in the journal of a step.</summary>
    public long PositionOf(int step) => _steps[step].Position;

    public Cell this[int step] => _steps[step].Cell;

    /// <summary>Adds a cell that the former life wrote; positions rise.</summary>
    public void Add(long position, in Cell cell)
    {
        if (Ordered + Readings == 0)
        {
            Clear();
        }
        if (_count == _steps.Length)
        {
            Array.Resize(ref _steps, 2 * _count);
        }
        _steps[_count] = new Step { Position = position, Cell = cell, NextOfRole = -1, NextOfEntity = -1 };
        Append(_roles, cell.Role, static (ref Step step, int next) => step.NextOfRole = next);
        if (IsTake(cell) || cell.Kind == (byte)Determinant.Call)
        {
            Append(_entities, cell.Entity, static (ref Step step, int next) => step.NextOfEntity = next);
        }
        _count++;
        Ordered += IsOrdered(cell) ? 1 : 0;
        Readings += IsOrdered(cell) ? 0 : 1;
    }

    /// <summary>What is left is not done any more.</summary>
    public void Clear()
    {
        (_count, Ordered, Readings, _firstTake, _firstWait, _firstTry, _firstAny) = (0, 0, 0, 0, 0, 0, 0);
        _roles.Clear();
        _entities.Clear();
    }

    /// <summary>Steps of a role, from a position of the journal on, are void; of all roles, for 0.</summary>
    public void Void(uint role, long from)
    {
        for (var i = 0; i < _count; i++)
        {
            if (_steps[i].Position >= from && (role == 0 || _steps[i].Cell.Role == role))
            {
                Done(i);
            }
        }
    }

    /// <summary>The position of a role's first step that is not done; -1: all are.</summary>
    public long LeftOf(uint role) => Head(_roles, role, ofRole: true) is >= 0 and var head ? _steps[head].Position : -1;

    /// <summary>The position of the first step that is not done; -1: all are.</summary>
    public long Left => Advance(ref _firstAny, static (in Cell _) => true) is >= 0 and var first ? _steps[first].Position : -1;

    /// <summary>The first take that is not done, or call of a timer, or -1.</summary>
    public int FirstTake => Advance(ref _firstTake, CallsAside ? IsOneOfMessage : IsTakeOrCall);

    /// <summary>Calls of timers are not waited for: who makes them sleeps outside the middleware.</summary>
    public bool CallsAside { get; set; }

    /// <summary>The first take, of a message or of nothing, that is not done, or -1.</summary>
    public int FirstTry => Advance(ref _firstTry, IsTake);

    /// <summary>The next take from an entity, or call of a timer, whoever did it; -1: nobody did any more.</summary>
    public int NextTake(uint entity) => Head(_entities, entity, ofRole: false);

    /// <summary>The first wait that could have been one on these entities, or -1.</summary>
    /// <param name="role">
    /// Whose wait it is: one of its own that timed out may have been on others, for what is free to be waited for is as another
    /// thread has come to it.
    /// </param>
    /// <param name="mayTimeOut">Whether it has a limit.</param>
    public int NextWait(uint role, ReadOnlySpan<uint> ids, bool mayTimeOut)
    {
        Advance(ref _firstWait, IsWait);
        for (var i = _firstWait; i < _count; i++)
        {
            ref readonly var step = ref _steps[i];
            if (!step.IsDone && IsWait(step.Cell) && Fits(step.Cell, role, ids, mayTimeOut))
            {
                // Of those that were ready together, the first.
                while (i > 0 && IsMore(_steps[i - 1], _steps[i]))
                {
                    i--;
                }
                return i;
            }
        }
        return -1;
    }

    /// <summary>The next of those that were ready together, or -1.</summary>
    public int MoreOf(int step) => step + 1 < _count && IsMore(_steps[step], _steps[step + 1]) ? step + 1 : -1;

    /// <summary>
    /// A reading of a role before its next take or wait. What it read before that and did not ask for is passed; -1: it read no
    /// such thing.
    /// </summary>
    public int NextReading(uint role, Determinant kind, uint entity, uint detail)
    {
        for (var i = Head(_roles, role, ofRole: true); i >= 0 && (_steps[i].IsDone || IsReading(_steps[i].Cell)); i = _steps[i].NextOfRole)
        {
            var cell = _steps[i].Cell;
            if (!_steps[i].IsDone && cell.Kind == (byte)kind && cell.Entity == entity && cell.Detail == detail)
            {
                return i;
            }
        }
        return -1;
    }

    /// <summary>The first such reading of a role that is not one of these, or -1.</summary>
    public int NextReadingOfOthers(IReadOnlySet<uint> roles, Determinant kind, uint entity, uint detail)
    {
        for (var i = _firstAny; i < _count; i++)
        {
            if (!_steps[i].IsDone && !roles.Contains(_steps[i].Cell.Role))
            {
                return NextReading(_steps[i].Cell.Role, kind, entity, detail);
            }
        }
        return -1;
    }

    /// <summary>A step is done, and with it all that its role did before but takes and calls: those others may do.</summary>
    public void Do(int step)
    {
        for (var i = Head(_roles, _steps[step].Cell.Role, ofRole: true); i >= 0 && i <= step; i = _steps[i].NextOfRole)
        {
            if (!IsTakeOrCall(_steps[i].Cell))
            {
                Done(i);
            }
        }
        Done(step);
    }

    private void Done(int step)
    {
        if (!_steps[step].IsDone)
        {
            _steps[step].IsDone = true;
            Ordered -= IsOrdered(_steps[step].Cell) ? 1 : 0;
            Readings -= IsOrdered(_steps[step].Cell) ? 0 : 1;
        }
    }

    private delegate bool Predicate(in Cell cell);

    private delegate void Setter(ref Step step, int next);

    private void Append(Dictionary<uint, Line> lines, uint key, Setter setNext)
    {
        if (!lines.TryGetValue(key, out var line))
        {
            lines.Add(key, line = new Line());
        }
        if (line.First < 0)
        {
            line.First = _count;
        }
        else
        {
            setNext(ref _steps[line.Last], _count);
        }
        line.Last = _count;
    }

    private int Head(Dictionary<uint, Line> lines, uint key, bool ofRole)
    {
        if (!lines.TryGetValue(key, out var line))
        {
            return -1;
        }
        while (line.First >= 0 && _steps[line.First].IsDone)
        {
            line.First = ofRole ? _steps[line.First].NextOfRole : _steps[line.First].NextOfEntity;
        }
        return line.First;
    }

    private int Advance(ref int first, Predicate isOne)
    {
        while (first < _count && (_steps[first].IsDone || !isOne(_steps[first].Cell)))
        {
            first++;
        }
        return first < _count ? first : -1;
    }

    private static bool Fits(in Cell cell, uint role, ReadOnlySpan<uint> ids, bool mayTimeOut) =>
        cell.Kind == (byte)Determinant.TimedOut
            ? mayTimeOut && (cell.Role == role || (cell.Entity == 0 ? ids.IsEmpty : IndexOf(ids, cell.Entity) >= 0))
            : IndexOf(ids, cell.Entity) >= 0;

    public static int IndexOf(ReadOnlySpan<uint> ids, uint entity)
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

    private static bool IsMore(in Step first, in Step next) =>
        first.Cell is { Kind: (byte)Determinant.Ready, Detail: > 0 } && !first.IsDone && next.Cell.Kind == (byte)Determinant.Ready
        && next.Cell.Role == first.Cell.Role && next.Position == first.Position + 1;

    private static bool IsReading(in Cell cell) =>
        cell.Kind is (byte)Determinant.Time or (byte)Determinant.Query or (byte)Determinant.Random or (byte)Determinant.Due;

    private static bool IsTake(in Cell cell) => cell.Kind is (byte)Determinant.Take or (byte)Determinant.Nothing;

    private static bool IsWait(in Cell cell) => cell.Kind is (byte)Determinant.Ready or (byte)Determinant.TimedOut;

    private static bool IsOneOfMessage(in Cell cell) => cell.Kind == (byte)Determinant.Take;

    private static bool IsTakeOrCall(in Cell cell) => cell.Kind is (byte)Determinant.Take or (byte)Determinant.Call;

    private static bool IsOrdered(in Cell cell) => IsWait(cell) || IsTakeOrCall(cell);
}
