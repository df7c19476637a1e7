namespace RmwCkpt.Cli.Tests;

public sealed class TextTableTests
{
    private static readonly string s_long = new('x', 1000);

    [Fact]
    public void A_column_is_as_wide_as_its_widest_cell_and_a_row_is_one_line_however_long()
    {
        var table = Output.Table("TIME", "N", "MESSAGE");
        table.AddRow("12:34:56", "1", Output.Cell(s_long));
        table.AddRow("9", "1000", "short");
        Assert.Equal(["TIME      N     MESSAGE", "12:34:56  1     " + s_long, "9         1000  short"], table.Lines(width: null));
    }

    [Fact]
    public void Only_the_last_column_is_cut_in_a_terminal_and_none_where_that_leaves_too_little()
    {
        var table = Output.Table("TIME", "MESSAGE");
        table.AddRow("12:34:56", Output.Cell(s_long));
        Assert.Equal(["TIME      MESSAGE", "12:34:56  " + new string('x', 29) + "…"], table.Lines(width: 40));
        Assert.Equal("12:34:56  " + s_long, table.Lines(width: 25).Last());
    }

    [Fact]
    public void Marks_take_no_room_and_text_has_none()
    {
        var table = Output.Table("STATE", "NOTE");
        table.AddRow("[green]live[/]", Output.Cell("[red] a\nb\u001b[2J"));
        Assert.Equal(["STATE  NOTE", "[green]live[/]   [[red]] a\\nb\\x1b[[2J"], table.Lines(width: null));
    }
}
