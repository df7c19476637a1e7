using RmwCkpt.Trial.Judging;

namespace RmwCkpt.Trial.Tests;

public class JudgeTests
{
    [Fact]
    public void Reads_lines_and_counts_the_broken_ones()
    {
        var file = Witness.Parse("1 1\n2 3\n3\nx 6\n4 10 9\n\n5 15\n6 2", 2);

        Assert.Equal([1, 2, 5], file.Lines.Select(x => x[0]));
        Assert.Equal(5, file.Broken);
    }

    [Fact]
    public void An_empty_file_has_no_lines() => Assert.Equal((0, 0), (Witness.Parse("", 2).Lines.Count, Witness.Parse("", 2).Broken));

    [Theory]
    [InlineData("1 1|2 3|3 6", 0, 3, 0, 0)]
    [InlineData("1 1|2 3|4 7|5 12", 0, 5, 1, 0)]        // 3 was missed, which makes one fault and not three
    [InlineData("1 1|2 4|3 7", 0, 3, 0, 1)]             // a sum of nothing that it heard
    [InlineData("1 1|2 3|3 6|2 3|3 6|4 10", 1, 4, 0, 0)]
    [InlineData("1 1|2 3|3 6|2 2|3 5|4 9", 1, 4, 0, 2)] // came back without its sum: rewritten lines differ
    [InlineData("1 1|2 3|3 6|4 4|5 9", 1, 5, 0, 1)]     // started again from nothing
    public void Checks_the_relay(string lines, int deaths, long last, long missed, long wrong)
    {
        var tally = Judge.Relay(Parse(lines), deaths, last);

        Assert.Equal((missed, wrong, 0L, 0L), (tally.Missed, tally.WrongSums, tally.Repeated, tally.Reordered));
    }

    [Theory]
    [InlineData("1 1|3 2|6 3", "1 1|2 3|3 6", 3, 0, 0, 0)]
    [InlineData("1 1|6 3", "1 1|2 3|3 6", 3, 1, 0, 0)]
    [InlineData("1 1|3 2|3 3|6 4", "1 1|2 3|3 6", 3, 0, 1, 0)]
    [InlineData("1 1|4 2", "1 1|3 4", 3, 1, 0, 0)]     // the relay missed 2; so did whoever hears it
    [InlineData("1 1|3 2|5 3", "1 1|2 3|3 6", 3, 1, 0, 1)]
    public void Checks_the_watcher(string lines, string relay, long last, long missed, long repeated, long wrong)
    {
        var tally = Judge.Watcher(Parse(lines), 0, last, Parse(relay));

        Assert.Equal((missed, repeated, wrong), (tally.Missed, tally.Repeated, tally.WrongSums));
    }

    [Fact]
    public void Checks_the_counter()
    {
        Assert.True(Judge.Counter(Parse("1 10|2 20|3 30|2 31|3 31|4 40"), 1).IsClean);
        Assert.Equal(2, Judge.Counter(Parse("1 10|2 20|3 30|2 31|3 31|4 40"), 0).Repeated);
    }

    [Fact]
    public void The_root_of_a_triangle_is_exact()
    {
        foreach (var n in new long[] { 1, 2, 3, 1000, 94_906_265, 94_906_266, 94_906_267, 3_000_000_000 })
        {
            Assert.True(Triangle.TryRoot(Triangle.Of(n), out var root));
            Assert.Equal(n, root);
            Assert.False(Triangle.TryRoot(Triangle.Of(n + 1) + 1, out _));
        }
        Assert.False(Triangle.TryRoot(0, out _));
        Assert.False(Triangle.TryRoot(-1, out _));
    }

    private static Witness Parse(string lines) => Witness.Parse(lines.Replace('|', '\n') + '\n', 2);
}
