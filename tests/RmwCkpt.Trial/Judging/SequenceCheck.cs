namespace RmwCkpt.Trial.Judging;

/// <summary>
/// Checks that numbers come as 1, 2, 3, ..., each once. A process that died may step back once per death: its next incarnation
/// replays and writes again, number by number, what it had written, before it goes on.
/// </summary>
public sealed class SequenceCheck(int deaths)
{
    private readonly HashSet<long> _seen = [];
    private long _previous;
    private bool _replays;
    private long _skipped;
    private long _repeated;
    private long _reordered;
    private int _stepsBack;
    private int _rewritten;

    public long Highest { get; private set; }

    public string FirstFault { get; private set; } = "";

    /// <summary>The next number of the file; <paramref name="line"/> is for the report.</summary>
    public void Add(long number, int line)
    {
        if (number <= _previous && _stepsBack < deaths && _seen.Contains(number))
        {
            _stepsBack++;
            _replays = true;
        }
        else if (number > _previous + 1)
        {
            PassOver(number, line);
        }
        if (!_seen.Add(number))
        {
            Again(number, line);
        }
        else if (number < Highest)
        {
            _reordered++;
            Note($"line {line}: {number} came after {Highest}");
        }
        _previous = number;
        Highest = Math.Max(Highest, number);
        _replays &= number < Highest;
    }

    /// <summary>The result, given the last number that ought to have come.</summary>
    public Tally Finish(long last)
    {
        if (Highest < last)
        {
            Note($"the last one is {Highest} instead of {last}");
        }
        return new Tally
        {
            Heard = _seen.Count,
            Highest = Highest,
            Missed = Math.Max(last, Highest) - _seen.Count + _skipped,
            Repeated = _repeated,
            Reordered = _reordered,
            StepsBack = _stepsBack,
            Rewritten = _rewritten,
            FirstFault = FirstFault,
        };
    }

    public void Note(string fault)
    {
        if (FirstFault.Length == 0)
        {
            FirstFault = fault;
        }
    }

    /// <summary>A number further than the next one: those between are missing, for now or in this incarnation.</summary>
    private void PassOver(long number, int line)
    {
        Note($"line {line}: {number} follows {_previous}");
        if (_replays)
        {
            for (var n = _previous + 1; n < number; n++)
            {
                _skipped += _seen.Contains(n) ? 1 : 0;
            }
        }
    }

    private void Again(long number, int line)
    {
        if (_replays)
        {
            _rewritten++;
        }
        else
        {
            _repeated++;
            Note($"line {line}: {number} again, after {_previous}");
        }
    }
}
