using RmwCkpt.Master.Recovery;

namespace RmwCkpt.Master.Tests.Recovery;

public sealed class EndOfTests
{
    private const int CoreDumped = 0x80;

    private static int Exit(int status) => status << 8;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(15)]
    public void A_signal_that_asks_for_the_end_is_wanted(int signal) => Assert.True(new EndOf(signal).IsWanted);

    [Fact]
    public void Success_is_wanted() => Assert.True(new EndOf(Exit(0)).IsWanted);

    [Theory]
    [InlineData(9)]
    [InlineData(6 | CoreDumped)]
    [InlineData(11)]
    public void A_kill_or_a_crash_is_a_death(int status) => Assert.False(new EndOf(status).IsWanted);

    [Fact]
    public void An_end_of_which_nothing_is_known_is_a_death() => Assert.False(new EndOf(null).IsWanted);

    [Theory]
    [InlineData(9)]
    [InlineData(11)]
    [InlineData(3 << 8)]
    public void Whatever_ends_it_soon_after_it_was_asked_to_end_is_wanted(int status)
    {
        var end = new EndOf(status) { SinceAsked = TimeSpan.FromSeconds(15) };
        Assert.True(end.IsWanted);
        Assert.False((end with { SinceAsked = TimeSpan.FromSeconds(101) }).IsWanted);
        Assert.False((end with { SinceAsked = null }).IsWanted);
    }

    [Fact]
    public void A_kill_together_with_its_launcher_is_wanted_and_a_crash_is_not()
    {
        Assert.True(new EndOf(9) { WasLauncherKilled = true }.IsWanted);
        Assert.False(new EndOf(11) { WasLauncherKilled = true }.IsWanted);
    }

    [Fact]
    public void One_that_was_told_to_end_has() => Assert.True(new EndOf(9) { WasTold = true }.IsWanted);

    [Fact]
    public void It_says_what_it_knows()
    {
        Assert.Equal("signal 9", new EndOf(9).ToString());
        Assert.Equal("signal 11, core dumped", new EndOf(11 | CoreDumped).ToString());
        Assert.Equal("exit status 3", new EndOf(Exit(3)).ToString());
        Assert.Equal("how is not known", new EndOf(null).ToString());
        Assert.Equal((0, 3), (new EndOf(Exit(3)).Signal, new EndOf(Exit(3)).ExitStatus));
        Assert.Null(new EndOf(9).ExitStatus);
        Assert.Equal("signal 9, after it was asked to end", new EndOf(9) { SinceAsked = TimeSpan.FromSeconds(5) }.ToString());
    }

    private static readonly EndOf s_exited = new(Exit(1)) { Exited = true, LivedFor = TimeSpan.FromSeconds(6) };

    [Fact]
    public void A_failure_after_an_incarnation_is_a_death() => Assert.False(s_exited.IsWanted);

    [Fact]
    public void A_failure_at_once_is_none() =>
        Assert.True((s_exited with { LivedFor = TimeSpan.FromSeconds(4) }).IsWanted);

    [Fact]
    public void One_that_was_brought_back_and_fails_at_once_has_failed_again()
    {
        var again = s_exited with { LivedFor = TimeSpan.FromSeconds(4), IsRevived = true };
        Assert.False(again.IsWanted);
        Assert.True(again.FailedAgain);
        Assert.False((again with { LivedFor = TimeSpan.FromSeconds(6) }).FailedAgain);
        Assert.False((again with { Status = 9 }).FailedAgain);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(129)]
    [InlineData(130)]
    [InlineData(143)]
    public void A_success_or_a_status_that_stands_for_a_signal_is_no_failure(int status) =>
        Assert.True((s_exited with { Status = Exit(status) }).IsWanted);

    [Fact]
    public void An_end_by_itself_of_which_no_more_is_known_is_wanted() => Assert.True((s_exited with { Status = null }).IsWanted);

    [Fact]
    public void Who_took_its_nodes_down_or_was_asked_to_end_has_not_died()
    {
        Assert.True((s_exited with { HasNothing = true }).IsWanted);
        Assert.True((s_exited with { SinceAsked = TimeSpan.FromSeconds(1) }).IsWanted);
    }

    [Fact]
    public void Where_only_signals_are_deaths_a_failure_is_none_and_a_kill_still_is()
    {
        Assert.True((s_exited with { OnlySignals = true }).IsWanted);
        Assert.False((s_exited with { OnlySignals = true, Status = 9 }).IsWanted);
    }
}
