using System.Globalization;

namespace RmwCkpt.Trial.Judging;

/// <summary>A witness file's lines as bytes would have them: numbers, and how many lines were not numbers.</summary>
public sealed record Witness(IReadOnlyList<long[]> Lines, int Broken)
{
    /// <summary>Reads text of lines of <paramref name="columns"/> numbers each. An unfinished last line is broken too.</summary>
    public static Witness Parse(string text, int columns)
    {
        var lines = new List<long[]>();
        var broken = 0;
        var rest = text.AsSpan();
        Span<Range> parts = stackalloc Range[4];
        while (rest.Length > 0)
        {
            var end = rest.IndexOf('\n');
            var line = end < 0 ? rest : rest[..end];
            rest = end < 0 ? [] : rest[(end + 1)..];
            var numbers = new long[columns];
            var whole = end >= 0 && line.Split(parts, ' ') == columns;
            for (var i = 0; whole && i < columns; i++)
            {
                whole = long.TryParse(line[parts[i]], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i]);
            }
            if (whole)
            {
                lines.Add(numbers);
            }
            else
            {
                broken++;
            }
        }
        return new Witness(lines, broken);
    }
}

/// <summary>Judges what the three nodes wrote.</summary>
public static class Judge
{
    /// <summary>Lines "N TIME".</summary>
    public static Tally Counter(Witness file, int deaths)
    {
        var check = new SequenceCheck(deaths);
        for (var i = 0; i < file.Lines.Count; i++)
        {
            check.Add(file.Lines[i][0], i + 1);
        }
        return Finish(check, file, check.Highest, 0);
    }

    /// <summary>
    /// Lines "N SUM". An incarnation's sum is that of what it heard: a number that it missed is counted as missed, not in every sum
    /// that follows; a number written again must have the sum that it had.
    /// </summary>
    public static Tally Relay(Witness file, int deaths, long last)
    {
        var check = new SequenceCheck(deaths);
        var sums = new Dictionary<long, long>();
        var wrong = 0L;
        var sum = 0L;
        for (var i = 0; i < file.Lines.Count; i++)
        {
            var (number, said) = (file.Lines[i][0], file.Lines[i][1]);
            var right = sums.TryGetValue(number, out var before) ? before : sum + number;
            if (said != right)
            {
                wrong++;
                check.Note($"line {i + 1}: the sum at {number} is {said} instead of {right}");
            }
            check.Add(number, i + 1);
            sums.TryAdd(number, said);
            sum = said;
        }
        return Finish(check, file, last, wrong);
    }

    /// <summary>Lines "SUM TIME". Each sum stands for the number at which the relay said it.</summary>
    public static Tally Watcher(Witness file, int deaths, long last, Witness relay)
    {
        var check = new SequenceCheck(deaths);
        var numbers = new Dictionary<long, long>();
        foreach (var line in relay.Lines)
        {
            numbers.TryAdd(line[1], line[0]);
        }
        var wrong = 0L;
        for (var i = 0; i < file.Lines.Count; i++)
        {
            var said = file.Lines[i][0];
            if (numbers.TryGetValue(said, out var number) || Triangle.TryRoot(said, out number))
            {
                check.Add(number, i + 1);
            }
            else
            {
                wrong++;
                check.Note($"line {i + 1}: {said} is a sum that the relay never wrote");
            }
        }
        return Finish(check, file, last, wrong);
    }

    private static Tally Finish(SequenceCheck check, Witness file, long last, long wrong)
    {
        if (file.Broken > 0)
        {
            check.Note($"{file.Broken} broken lines");
        }
        return check.Finish(last) with { Lines = file.Lines.Count + file.Broken, WrongSums = wrong, Broken = file.Broken };
    }
}
