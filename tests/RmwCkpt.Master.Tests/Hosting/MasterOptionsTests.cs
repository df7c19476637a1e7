using Microsoft.Extensions.Logging;
using RmwCkpt.Domain;
using RmwCkpt.Master.Hosting;

namespace RmwCkpt.Master.Tests.Hosting;

public sealed class MasterOptionsTests
{
    private static MasterOptions Read(params (string Name, string Value)[] values) =>
        MasterOptions.FromEnvironment(new Settings(name => values.FirstOrDefault(x => x.Name == name).Value));

    [Fact]
    public void Without_variables_all_is_as_documented()
    {
        var options = Read();
        Assert.Equal(200_000, options.JournalLimit);
        Assert.Empty(options.Complaints);
    }

    [Fact]
    public void Good_values_are_taken()
    {
        var options = Read(
            ("RMW_CKPT_RETENTION", "1e6"), ("RMW_CKPT_MEMORY", "64M"), ("RMW_CKPT_KEEP", "Disk"), ("RMW_CKPT_LOG_LEVEL", "debug"));
        Assert.Equal((1_000_000, 64L << 20, true), (options.Retention, options.Memory, options.KeepsOnDisk));
        Assert.Equal(LogLevel.Debug, options.LogLevel);
        Assert.Empty(options.Complaints);
    }

    [Theory]
    [InlineData("RMW_CKPT_MEMORY", "much")]
    [InlineData("RMW_CKPT_KEEP", "paper")]
    [InlineData("RMW_CKPT_RETENTION", "soon")]
    [InlineData("RMW_CKPT_RETENTION", "-1")]
    [InlineData("RMW_CKPT_RETENTION", "NaN")]
    [InlineData("RMW_CKPT_RETENTION", "1e99")]
    [InlineData("RMW_CKPT_LOG_LEVEL", "loud")]
    [InlineData("RMW_CKPT_JOURNAL_LIMIT", "many")]
    public void A_bad_value_is_said_and_the_default_used(string name, string value)
    {
        var options = Read((name, value));
        Assert.Contains(name, Assert.Single(options.Complaints), StringComparison.Ordinal);
        Assert.Equal(new MasterOptions() with { Complaints = options.Complaints }, options);
    }
}
