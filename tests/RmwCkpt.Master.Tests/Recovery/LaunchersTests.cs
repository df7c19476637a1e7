using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Recovery;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Recovery;

/// <summary>Over real processes.</summary>
public sealed class LaunchersTests : IDisposable
{
    private readonly ManualResetEventSlim _told = new();
    private readonly ManualResetEventSlim _ended = new();
    private readonly Launchers _launchers;

    public LaunchersTests()
    {
        _launchers = new Launchers(x => Posix.OpenPidfd((int)x.Pid), (_, _, killed) => (killed ? _told : _ended).Set(), Scratch.Log);
        _launchers.Start();
    }

    public void Dispose()
    {
        _launchers.Dispose();
        _told.Dispose();
        _ended.Dispose();
    }

    private static Ancestor Start(params string[] command)
    {
        var null_ = Posix.Open("/dev/null", Posix.ReadWrite | Posix.CloseOnExec, 0);
        var pid = Posix.Spawn(command[0], command, [], "/", [(null_, 0), (null_, 1), (null_, 2)], newSession: true);
        Posix.Close(null_);
        return new Ancestor { Pid = (uint)pid, StartTime = 1 };
    }

    private bool WasKilled(Ancestor launcher) => _launchers.WasKilledBefore(launcher, Clock.Steady);

    [Fact]
    public void One_that_is_killed_is_told_and_known_for_a_second()
    {
        var launcher = Start("/bin/sleep", "1000");
        _launchers.Watch([launcher]);
        Assert.False(WasKilled(launcher));
        Posix.Kill((int)launcher.Pid, Posix.SigKill);
        Assert.True(_told.Wait(TimeSpan.FromSeconds(20)));
        Assert.True(WasKilled(launcher));
        Assert.False(_launchers.WasKilledBefore(launcher, Clock.Steady + Clock.Second));
    }

    [Fact]
    public void One_that_ends_by_itself_says_nothing()
    {
        var (wrapper, other) = (Start("/bin/true"), Start("/bin/sleep", "1000"));
        _launchers.Watch([wrapper, other]);
        Posix.Kill((int)other.Pid, Posix.SigKill);
        Assert.True(_told.Wait(TimeSpan.FromSeconds(20)));
        Assert.False(WasKilled(wrapper));
    }

    [Fact]
    public void One_that_is_watched_no_more_says_nothing()
    {
        var (old, other) = (Start("/bin/sleep", "1000"), Start("/bin/sleep", "1000"));
        _launchers.Watch([old, other]);
        _launchers.Watch([other]);
        Posix.Kill((int)old.Pid, Posix.SigKill);
        Posix.Kill((int)other.Pid, Posix.SigKill);
        Assert.True(_told.Wait(TimeSpan.FromSeconds(20)));
        Assert.False(WasKilled(old));
        Posix.Reap((int)old.Pid, out _);
    }

    [Theory]
    [InlineData(-1, true)]
    [InlineData(0.5, true)]
    [InlineData(2, false)] // a child that was asked to end when its launcher was gone: that one alone
    [InlineData(-101, false)]
    public void One_that_ends_after_a_child_was_asked_to_end_meant_all(double seconds, bool expected)
    {
        var launcher = Start("/bin/true");
        _launchers.Watch([launcher]);
        Assert.True(_ended.Wait(TimeSpan.FromSeconds(20)));
        Assert.False(_launchers.HasEndedAll(launcher));
        _launchers.NoteAsked(launcher, Clock.Steady + (long)(seconds * Clock.Second));
        Assert.Equal(expected, _launchers.HasEndedAll(launcher));
    }
}
