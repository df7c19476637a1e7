using RmwCkpt.Master.Hosting;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Hosting;

/// <summary>With children of this process, which nobody waits for, for orphans that a subreaper has inherited.</summary>
public sealed class OrphanReaperTests
{
    [Fact]
    public void A_zombie_that_nobody_expects_is_collected_at_the_second_look_and_others_stay()
    {
        var (stranger, member) = (Zombie(), Zombie());
        var reaper = new OrphanReaper(pid => pid != stranger, Scratch.Log);
        reaper.Look();
        Assert.True(ProcessProbe.Exists(stranger));
        reaper.Look();
        Assert.False(ProcessProbe.Exists(stranger));
        Assert.True(Posix.Reap(member, out var status));
        Assert.Equal(0, status);
    }

    private static int Zombie()
    {
        var pid = Posix.Spawn("/bin/true", ["true"], [], null, [], newSession: false);
        Assert.True(SpinWait.SpinUntil(() => ProcessProbe.HasEnded(pid), TimeSpan.FromSeconds(20)));
        return pid;
    }
}
