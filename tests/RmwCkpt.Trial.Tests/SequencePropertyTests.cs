using FsCheck;
using FsCheck.Xunit;

namespace RmwCkpt.Trial.Tests;

/// <summary>
/// Made-up incarnations: what a right recovery writes is clean, and any one change to an incarnation without death is not.
/// </summary>
public class SequencePropertyTests
{
    [Property]
    public void Right_lives_are_clean(PositiveInt length, NonNegativeInt[] steps)
    {
        var (numbers, deaths) = Incarnations(length.Get + 1, steps);

        var tally = SequenceCheckTests.Check(numbers, deaths, numbers.Max());

        Assert.True(tally.IsClean, $"{string.Join(' ', numbers)}: {tally.FirstFault}");
        Assert.Equal(numbers.Count - tally.Heard, tally.Rewritten);
    }

    [Property]
    public void One_step_back_too_many_is_seen(PositiveInt length, NonNegativeInt[] steps)
    {
        var (numbers, deaths) = Incarnations(length.Get + 1, steps);
        numbers.Add(numbers[^1]);

        Assert.Equal(1, SequenceCheckTests.Check(numbers, deaths, numbers.Max()).Repeated);
    }

    [Property]
    public void One_line_taken_out_is_seen(PositiveInt length, NonNegativeInt at)
    {
        var numbers = Enumerable.Range(1, length.Get).Select(n => (long)n).ToList();
        numbers.RemoveAt(at.Get % numbers.Count);

        Assert.Equal(1, SequenceCheckTests.Check(numbers, 0, length.Get).Missed);
    }

    [Property]
    public void Two_lines_exchanged_are_seen(PositiveInt length, NonNegativeInt at)
    {
        var numbers = Enumerable.Range(1, length.Get + 1).Select(n => (long)n).ToList();
        var i = at.Get % length.Get;
        (numbers[i], numbers[i + 1]) = (numbers[i + 1], numbers[i]);

        var tally = SequenceCheckTests.Check(numbers, 0, numbers.Count);

        Assert.Equal((0, 0, 1), (tally.Missed, tally.Repeated, tally.Reordered));
    }

    /// <summary>Lines of a node that dies `steps.Length` times at multiples of `length`, going back by each step.</summary>
    private static (List<long> Numbers, int Deaths) Incarnations(int length, NonNegativeInt[] steps)
    {
        var numbers = new List<long>();
        var (next, highest, deaths) = (1L, 0L, 0);
        foreach (var step in steps)
        {
            Live(highest + length);
            var back = step.Get % (length + 1);
            next -= back;
            deaths += back > 0 ? 1 : 0;
        }
        Live(highest + length);
        return (numbers, deaths);

        void Live(long until)
        {
            for (; next <= until; next++)
            {
                numbers.Add(next);
            }
            highest = until;
        }
    }
}
