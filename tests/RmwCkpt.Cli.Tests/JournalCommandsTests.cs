namespace RmwCkpt.Cli.Tests;

/// <summary>`rmw_ckpt journal list|show` over logs that were written here.</summary>
[Collection("console")]
public sealed class JournalCommandsTests : JournalTest
{
    [Fact]
    public void All_logs_are_listed()
    {
        var (code, output, errors) = Run("journal", "list");
        Assert.Equal((0, ""), (code, errors));
        Assert.Contains("/numbers  /counter  messages", output, StringComparison.Ordinal);
        Assert.Equal(4, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Theory]
    [InlineData("/numbers", "/numbers")]
    [InlineData("numbers", "/numbers")]
    [InlineData("counter", "/numbers")]
    [InlineData("/relay", "/relay")]
    [InlineData("relay", "/sums")]
    public void Topics_are_found_without_their_slash_too_and_nodes_before_them(string asked, string topic)
    {
        var (code, output, _) = Run("journal", "show", asked);
        Assert.Equal(0, code);
        Assert.Contains($"published  {topic}  ", output, StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_is_damaged_is_named_and_the_others_are_shown()
    {
        DamageHead(2);
        var (code, output, errors) = Run("journal", "list");
        Assert.Equal(0, code);
        Assert.Contains("/numbers", output, StringComparison.Ordinal);
        Assert.DoesNotContain("/sums", output, StringComparison.Ordinal);
        Assert.Contains(Gid(2).ToString(), errors, StringComparison.Ordinal);
        (code, output, errors) = Run("journal", "show", "numbers");
        Assert.Equal(0, code);
        Assert.Contains("published  /numbers", output, StringComparison.Ordinal);
        Assert.Contains(Gid(2).ToString(), errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_all_are_damaged_that_is_a_failure()
    {
        DamageHead(1);
        DamageHead(2);
        DamageHead(3);
        Assert.Equal(1, Run("journal", "list").Code);
        Assert.Equal(1, Run("journal", "show", "numbers").Code);
    }
}
