using RmwCkpt.Trial.Judging;

namespace RmwCkpt.Trial.Tests;

public class SequenceCheckTests
{
    [Theory]
#pragma warning disable format // a table
    //          numbers              deaths last  missed repeated reordered steps rewritten
    [InlineData("1 2 3",                  0, 3,    0, 0, 0, 0, 0)]
    [InlineData("",                       0, 0,    0, 0, 0, 0, 0)]
    [InlineData("",                       0, 3,    3, 0, 0, 0, 0)]
    [InlineData("1 2 3",                  0, 5,    2, 0, 0, 0, 0)] // the tail is judged too
    [InlineData("2 3",                    0, 3,    1, 0, 0, 0, 0)] // and the beginning
    [InlineData("1 2 4",                  0, 4,    1, 0, 0, 0, 0)]
    [InlineData("1 2 2 3",                0, 3,    0, 1, 0, 0, 0)]
    [InlineData("1 3 2 4",                0, 4,    0, 0, 1, 0, 0)] // late, but there
    [InlineData("1 2 3 2 4",              0, 4,    0, 1, 0, 0, 0)]
    [InlineData("1 2 3 1 2 3 4",          0, 4,    0, 3, 0, 0, 0)] // a reset that no death explains
    [InlineData("1 2 3 1 2 3 4",          1, 4,    0, 0, 0, 1, 3)] // replay from the start
    [InlineData("1 2 3 2 3 4",            1, 4,    0, 0, 0, 1, 2)] // replay from a snapshot
    [InlineData("1 2 3 3 4",              1, 4,    0, 0, 0, 1, 1)]
    [InlineData("1 2 3 4",                1, 4,    0, 0, 0, 0, 0)] // nothing to write again
    [InlineData("1 2 3 2 3 4 3 4 5",      1, 5,    0, 2, 0, 1, 2)] // one death, two steps back
    [InlineData("1 2 3 2 2 3 4",          2, 4,    0, 0, 0, 2, 3)] // killed again in its replay
    [InlineData("1 2 3 4 2 4 5",          1, 5,    1, 0, 0, 1, 2)] // its replay passed over 3
    [InlineData("1 2 3 2 5",              1, 5,    2, 0, 0, 1, 1)] // 3 passed over in the replay, 4 never seen
    [InlineData("1 2 3 5",                1, 5,    1, 0, 0, 0, 0)] // lost in the death
    [InlineData("1 2 4 3 5",              1, 5,    0, 0, 1, 0, 0)] // 3 was never written, so this is no replay
#pragma warning restore format
    public void Finds(
        string numbers, int deaths, long last, long missed, long repeated, long reordered, int steps, int rewritten)
    {
        var tally = Check(Parse(numbers), deaths, last);

        Assert.Equal(
            (missed, repeated, reordered, steps, rewritten),
            (tally.Missed, tally.Repeated, tally.Reordered, tally.StepsBack, tally.Rewritten));
        Assert.Equal(tally.IsClean, tally.FirstFault.Length == 0);
    }

    [Fact]
    public void Names_the_first_fault()
    {
        Assert.Equal("line 3: 4 follows 2", Check([1, 2, 4, 4], 0, 4).FirstFault);
        Assert.Equal("line 3: 2 again, after 2", Check([1, 2, 2, 4], 0, 4).FirstFault);
        Assert.Equal("the last one is 2 instead of 3", Check([1, 2], 0, 3).FirstFault);
    }

    internal static long[] Parse(string numbers) =>
        [.. numbers.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse)];

    internal static Tally Check(IReadOnlyList<long> numbers, int deaths, long last)
    {
        var check = new SequenceCheck(deaths);
        for (var i = 0; i < numbers.Count; i++)
        {
            check.Add(numbers[i], i + 1);
        }
        return check.Finish(last);
    }
}
