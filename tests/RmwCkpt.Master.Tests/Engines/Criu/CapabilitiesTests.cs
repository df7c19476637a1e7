using RmwCkpt.Master.Engines.Criu;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Engines.Criu;

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

    [Fact]
    public void A_program_that_others_than_root_can_change_gets_no_rights_that_its_user_has_not()
    {
        Assert.True(Posix.IsRootsAlone("/bin/sh"));
        var folder = _scratch.Path_("bin");
        Directory.CreateDirectory(folder);
        var program = Path.Combine(folder, "criu");
        File.WriteAllText(program, "");
        File.SetUnixFileMode(program, UnixFileMode.UserExecute | UnixFileMode.UserRead);
        Assert.Equal(Posix.UserId == 0, Posix.IsRootsAlone(program));
        File.SetUnixFileMode(folder, (UnixFileMode)0x1ff);
        Assert.False(Posix.IsRootsAlone(program));
        File.SetUnixFileMode(folder, (UnixFileMode)0x1c0);
        File.SetUnixFileMode(program, (UnixFileMode)0x1f6);
        Assert.False(Posix.IsRootsAlone(program));
    }

    [CriuFact]
    public void Where_CRIU_works_a_child_can_be_given_its_process_id() => Assert.Null(ProcessIds.WhyNot());
}
