using System.Text;
using Spectre.Console;

namespace RmwCkpt.Cli;

/// <summary>
/// A table of text: each column is as wide as its widest cell, wherever it is printed, and each row is one line. Cells may
/// have marks such as [green], which a terminal shows.
/// </summary>
internal sealed class TextTable(params string[] columns)
{
    /// <summary>What is left of the last column in a terminal that is too narrow; where it would be less, the terminal wraps.</summary>
    private const int LeastCut = 20;

    private const string Gap = "  ";
    private readonly List<string[]> _rows = [];

    /// <summary>Adds a row, a cell with marks for each column.</summary>
    public void AddRow(params string[] cells) => _rows.Add(cells);

    /// <summary>The lines, with marks. <paramref name="width"/>: of the terminal; null where there is no limit.</summary>
    public IEnumerable<string> Lines(int? width)
    {
        string[] head = [.. columns.Select(Markup.Escape)];
        var widths = columns.Select((_, i) => _rows.Prepend(head).Max(row => Length(row[i]))).ToArray();
        var before = widths[..^1].Sum(x => x + Gap.Length);
        var last = width - before is >= LeastCut and var room ? room : int.MaxValue;
        return _rows.Prepend(head).Select(row => Line(row, widths, last));
    }

    private static string Line(string[] row, int[] widths, int last)
    {
        var line = new StringBuilder();
        for (var i = 0; i < row.Length - 1; i++)
        {
            line.Append(row[i]).Append(' ', widths[i] - Length(row[i])).Append(Gap);
        }
        return line.Append(Cut(row[^1], last)).ToString().TrimEnd();
    }

    private static string Cut(string cell, int most) =>
        Length(cell) <= most ? cell : Markup.Escape(Markup.Remove(cell)[..(most - 1)] + "…");

    private static int Length(string cell) => Markup.Remove(cell).Length;
}
