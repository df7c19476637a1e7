using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Tests.Recovery;

/// <summary>A process dies while others can change what its run folder's path leads to, and its command, which goes by that, would refuse it.</summary>
public sealed class BarredFolderTests : IDisposable
{
    private const int Pid = 4_201_001;
    private readonly FakeDomain _domain = new() { Executable = "/bin/sh", CommandOf = _ => ["/bin/sh", "-c", "kill -KILL $$"] };
    private readonly string _away;
    private readonly Member _member;

    public BarredFolderTests()
    {
        _away = _domain.Scratch.Path_("away");
        // Another lives on, or nothing is owed to anybody.
        _domain.Hello(Pid + 1);
        var welcome = _domain.Call(Pid, new Request { Hello = new Hello { Policy = new Policy() } }).Welcome;
        _member = _domain.Registry.Find(welcome.Process)!;
        var register = new Request { Register = Scratch.Register(welcome.Process, Scratch.Node(welcome.Process, 1, "node")) };
        Assert.Equal("", _domain.Call(Pid, register).Error);
    }

    private string Run => _domain.Scratch.Folder.Run;

    public void Dispose() => _domain.Dispose();

    [Fact]
    public async Task Its_master_leaves_it_to_the_next_one_in_the_folder_that_was_put_back()
    {
        Swap();
        _domain.End(Pid);
        Assert.Contains("was removed, or another is in its place", await _domain.Master.Stopped, StringComparison.Ordinal);
        Await(_member, ProcessState.Recovering);
        _domain.Master.Dispose();
        Assert.Equal(0u, _member.Entry.Record.Recoveries);
        PutBack();
        _domain.Start();
        var member = _domain.Registry.Find(_member.Id)!;
        Await(member, ProcessState.Live);
        Assert.Equal(1u, member.Entry.Record.Recoveries);
    }

    [Fact]
    public void It_comes_back_by_the_same_master_once_the_folder_is_in_place_again()
    {
        Swap();
        _domain.End(Pid);
        Await(_member, ProcessState.Recovering);
        PutBack();
        Await(_member, ProcessState.Live);
    }

    [Fact]
    public void Nobody_waits_for_one_that_is_told_to_end()
    {
        Swap();
        _domain.End(Pid);
        Await(_member, ProcessState.Recovering);
        _domain.Registry.Update(_member, r => r.ToldToEnd = true);
        Await(_member, ProcessState.Exited);
    }

    private void Swap()
    {
        Directory.Move(Run, _away);
        Directory.CreateDirectory(Run);
        // As another user's would be.
        File.SetUnixFileMode(Run, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherWrite);
    }

    private void PutBack()
    {
        Directory.Delete(Run);
        Directory.Move(_away, Run);
    }

    private void Await(Member member, ProcessState state) => Assert.True(
        SpinWait.SpinUntil(() => _domain.Registry.Look(() => member.Entry.State) == state, TimeSpan.FromSeconds(20)),
        $"it did not come to be {state}: {member.Entry.State}, {member.Entry.Record.Note}");
}
