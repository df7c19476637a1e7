using Microsoft.Extensions.Logging;

namespace RmwCkpt.Master.Tests;

public sealed class MasterOptionsTests
{
    private static MasterOptions Read(params (string Name, string Value)[] values) =>
        MasterOptions.FromEnvironment(name => values.FirstOrDefault(x => x.Name == name).Value);

    [Fact]
    public void Without_variables_all_is_as_documented()
    {
        var options = Read();
        Assert.Equal(10, options.Interval.TotalSeconds);
        Assert.Equal("auto", options.Engine);
        Assert.True(options.Recover);
        Assert.Equal(200_000, options.JournalLimit);
        Assert.Empty(options.Complaints);
    }

    [Fact]
    public void Good_values_are_taken()
    {
        var options = Read(
            ("RMW_CKPT_INTERVAL", "0.5"), ("RMW_CKPT_ENGINE", "NONE"), ("RMW_CKPT_RECOVER", "off"), ("RMW_CKPT_LOG_LEVEL", "debug"));
        Assert.Equal(0.5, options.Interval.TotalSeconds);
        Assert.Equal("none", options.Engine);
        Assert.False(options.Recover);
        Assert.Equal(LogLevel.Debug, options.LogLevel);
        Assert.Empty(options.Complaints);
    }

    [Theory]
    [InlineData("RMW_CKPT_INTERVAL", "soon")]
    [InlineData("RMW_CKPT_INTERVAL", "-1")]
    [InlineData("RMW_CKPT_INTERVAL", "NaN")]
    [InlineData("RMW_CKPT_INTERVAL", "1e99")]
    [InlineData("RMW_CKPT_ENGINE", "dmtpc")]
    [InlineData("RMW_CKPT_RECOVER", "yes")]
    [InlineData("RMW_CKPT_LOG_LEVEL", "loud")]
    [InlineData("RMW_CKPT_JOURNAL_LIMIT", "many")]
    public void A_bad_value_is_said_and_the_default_used(string name, string value)
    {
        var options = Read((name, value));
        Assert.Contains(name, Assert.Single(options.Complaints), StringComparison.Ordinal);
        Assert.Equal(new MasterOptions() with { Complaints = options.Complaints }, options);
    }
}
