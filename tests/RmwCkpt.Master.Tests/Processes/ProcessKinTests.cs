using System.Globalization;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Processes;

/// <summary>What is left of the tree of a dead process: a shell's children that sleep.</summary>
public sealed class ProcessKinTests : IDisposable
{
    private readonly Scratch _scratch = new();
    private int _pid;
    private int[] _children = [];

    public void Dispose()
    {
        foreach (var pid in _children.Append(_pid))
        {
            Posix.Kill(pid, Posix.SigKill);
            Posix.Reap(pid, out _);
        }
        _scratch.Dispose();
    }

    [Fact]
    public void Children_that_were_noted_are_ended_and_one_with_a_session_of_its_own_is_not()
    {
        Start("sleep 1000 &", "setsid sleep 1000 &");
        var noted = ProcessKin.Below(_pid);
        Assert.Equal([_children[0]], noted.Select(x => x.Pid));
        Kill();
        Assert.Equal([_children[0]], ProcessKin.EndLeft(_pid, _pid, noted, _ => false));
        Assert.True(ProcessProbe.HasEnded(_children[0]));
        Assert.False(ProcessProbe.HasEnded(_children[1]));
    }

    [Fact]
    public void Children_that_nobody_noted_are_ended_in_a_session_that_was_its_own()
    {
        Start("sleep 1000 &");
        Kill();
        Assert.Equal(_children, ProcessKin.EndLeft(_pid, _pid, [], _ => false));
        Assert.True(ProcessProbe.HasEnded(_children[0]));
    }

    [Fact]
    public void In_a_session_of_others_only_those_that_were_noted_are_ended()
    {
        Start("sleep 1000 &", "sleep 1000 &");
        var noted = ProcessKin.Below(_pid).Where(x => x.Pid == _children[0]).ToList();
        Kill();
        // As if the session's leader were another.
        Assert.Equal([_children[0]], ProcessKin.EndLeft(Posix.ProcessId, _pid, noted, _ => false));
        Assert.False(ProcessProbe.HasEnded(_children[1]));
    }

    [Fact]
    public void One_with_the_number_of_a_child_is_not_taken_for_it()
    {
        Start("sleep 1000 &");
        var noted = ProcessKin.Below(_pid).Select(x => x with { StartTime = x.StartTime - 100 });
        Kill();
        Assert.Empty(ProcessKin.EndLeft(Posix.ProcessId, _pid, noted, _ => false));
        Assert.False(ProcessProbe.HasEnded(_children[0]));
    }

    [Fact]
    public void A_node_among_them_is_spared_and_one_that_ignores_to_be_told_is_killed()
    {
        Start("sleep 1000 &", "(trap '' TERM; sleep 1000) &");
        Kill();
        Assert.Contains(_children[1], ProcessKin.EndLeft(_pid, _pid, [], x => x == _children[0]));
        Assert.True(ProcessProbe.HasEnded(_children[1]));
        Assert.False(ProcessProbe.HasEnded(_children[0]));
    }

    private void Start(params string[] commands)
    {
        var nothing = Posix.Open("/dev/null", Posix.ReadWrite | Posix.CloseOnExec, 0);
        var script = string.Concat(commands.Select(x => $"{x} echo $! >>pids\n")) + ": >ready\nwait\n";
        _pid = Posix.Spawn(
            "/bin/sh", ["sh", "-c", script], ["PATH=/usr/bin:/bin"], _scratch.Folder.Run, [(nothing, 0), (nothing, 1), (nothing, 2)],
            newSession: true);
        Posix.Close(nothing);
        var pids = Path.Combine(_scratch.Folder.Run, "pids");
        var ready = Path.Combine(_scratch.Folder.Run, "ready");
        Assert.True(SpinWait.SpinUntil(() => File.Exists(ready), TimeSpan.FromSeconds(20)));
        _children = [.. File.ReadAllLines(pids).Select(x => int.Parse(x, CultureInfo.InvariantCulture))];
        // A program that makes a session of its own has to come so far.
        Assert.True(SpinWait.SpinUntil(
            () => commands.Zip(_children).All(x => !x.First.StartsWith("setsid", StringComparison.Ordinal)
                || ProcessProbe.StateOf(x.Second)!.Value.Session == x.Second),
            TimeSpan.FromSeconds(20)));
    }

    private void Kill()
    {
        Posix.Kill(_pid, Posix.SigKill);
        Posix.WaitFor(_pid);
    }
}
