using RmwCkpt.Master.Engines;

namespace RmwCkpt.Master.Tests;

/// <summary>What CRIU lacks, by what /proc/PID/status says.</summary>
public sealed class CapabilitiesTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("0000000000000000", "ffffffffffffffff", "CAP_CHECKPOINT_RESTORE and CAP_SYS_PTRACE")]
    [InlineData("0000010000000000", "ffffffffffffffff", "CAP_CHECKPOINT_RESTORE and CAP_SYS_PTRACE")] // the first only
    [InlineData("00000000a80425fb", "00000000a80425fb", "CAP_CHECKPOINT_RESTORE and CAP_SYS_PTRACE")] // Docker's root
    [InlineData("0000010000080000", "ffffffffffffffff", null)]
    [InlineData("0000010000080000", "ffffff7fffffffff", "CAP_SETPCAP")] // a bound that CRIU would have to set again
    [InlineData("0000010000080100", "ffffff7fffffffff", null)]
    public void What_is_lacking_is_named(string permitted, string bounds, string? lacking)
    {
        var status = _scratch.Path_("status");
        File.WriteAllText(status, $"Name:\tx\nCapInh:\t0\nCapPrm:\t{permitted}\nCapEff:\t0\nCapBnd:\t{bounds}\n");
        var said = Capabilities.Lacking(status);
        if (lacking is null)
        {
            Assert.Null(said);
        }
        else
        {
            Assert.Contains(lacking, said, StringComparison.Ordinal);
        }
    }

    [CriuFact]
    public void Where_CRIU_works_a_child_can_be_given_its_process_id() => Assert.Null(ProcessIds.WhyNot());
}
