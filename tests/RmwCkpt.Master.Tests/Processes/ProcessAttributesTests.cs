using Google.Protobuf;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Processes;

/// <summary>What a process that is started in another's place has of it.</summary>
public sealed class ProcessAttributesTests : IDisposable
{
    private readonly List<int> _pids = [];
    private readonly List<string> _lost = [];

    public void Dispose()
    {
        foreach (var pid in _pids)
        {
            Posix.Kill(pid, Posix.SigKill);
            Posix.WaitFor(pid);
        }
    }

    [Fact]
    public void It_has_the_umask_the_niceness_the_limits_and_the_processors_of_the_other()
    {
        var mine = ProcessAttributes.Read(Posix.ProcessId);
        var wanted = mine.Clone();
        wanted.Umask = 0x17; // 027
        wanted.Nice = mine.Nice + 3;
        wanted.Affinity = OneOf(mine.Affinity);
        const int Descriptors = 7;
        (wanted.Limits[Descriptors * 2], wanted.Limits[(Descriptors * 2) + 1]) = (77, 78);
        wanted.OomScoreAdjustment = 500;
        var got = ProcessAttributes.Read(Spawn(wanted));
        wanted.Session = got.Session;
        Assert.Equal(wanted, got);
        Assert.Empty(_lost);
        // Nothing of it has become this process' own.
        Assert.Equal(mine, ProcessAttributes.Read(Posix.ProcessId));
    }

    [Fact]
    public void What_it_cannot_have_is_said()
    {
        var wanted = ProcessAttributes.Read(Posix.ProcessId);
        wanted.ControlGroup = "/there/is/none";
        wanted.OldControlGroups.Add("memory:/nor/here");
        const int Deadline = 6;
        wanted.Policy = Deadline;
        Spawn(wanted);
        Assert.Equal(["scheduling policy 6 with priority 0", "control group /there/is/none, memory:/nor/here"], _lost);
    }

    [Fact]
    public void Where_nothing_is_known_it_has_what_the_master_has()
    {
        var got = ProcessAttributes.Read(Spawn(new Attributes()));
        Assert.Equal(ProcessAttributes.Read(Posix.ProcessId).Limits, got.Limits);
        Assert.Empty(_lost);
    }

    [Fact]
    public void Threads_get_their_processors_back()
    {
        var pid = Spawn(new Attributes());
        var all = ProcessAttributes.Affinities(pid);
        var one = Convert.ToHexStringLower(OneOf(ByteString.CopyFrom(Posix.Affinity(pid))).Span);
        ProcessAttributes.SetAffinities(pid, new Dictionary<int, string> { [pid] = one });
        Assert.Equal(one, ProcessAttributes.Affinities(pid)[pid]);
        ProcessAttributes.SetAffinities(pid, all);
        Assert.Equal(all, ProcessAttributes.Affinities(pid));
    }

    /// <summary>The first of some processors.</summary>
    private static ByteString OneOf(ByteString processors)
    {
        var at = processors.Span.IndexOfAnyExcept((byte)0);
        var mask = new byte[at + 1];
        mask[at] = (byte)(processors[at] & -processors[at]);
        return ByteString.CopyFrom(mask);
    }

    private int Spawn(Attributes attributes)
    {
        var nothing = Posix.Open("/dev/null", Posix.ReadWrite | Posix.CloseOnExec, 0);
        var pid = ProcessAttributes.Spawn(
            attributes,
            () => Posix.Spawn("/bin/sleep", ["sleep", "1000"], [], "/", [(nothing, 0), (nothing, 1), (nothing, 2)], newSession: true),
            _lost.Add);
        Posix.Close(nothing);
        _pids.Add(pid);
        return pid;
    }
}
