using RmwCkpt.Memory;
using RmwCkpt.Registry.Protocol;

namespace RmwCkpt.Master.Tests;

/// <summary>Over real processes.</summary>
public sealed class LaunchersTests : IDisposable
{
    private readonly ManualResetEventSlim _told = new();
    private readonly Launchers _launchers;

    public LaunchersTests()
    {
        _launchers = new Launchers(x => Posix.OpenPidfd((int)x.Pid), (_, _) => _told.Set(), Scratch.Log);
        _launchers.Start();
    }

    public void Dispose()
    {
        _launchers.Dispose();
        _told.Dispose();
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
}
