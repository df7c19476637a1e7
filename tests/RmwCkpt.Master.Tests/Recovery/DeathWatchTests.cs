using System.Collections.Concurrent;
using RmwCkpt.Master.Engines.Criu;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Recovery;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Recovery;

public sealed class DeathWatchTests : IDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(20);
    private readonly BlockingCollection<ulong> _died = [];
    private readonly DeathWatch _watch;

    public DeathWatchTests()
    {
        _watch = new DeathWatch((key, _, _) => _died.Add(key), Scratch.Log);
        _watch.Start();
    }

    public void Dispose()
    {
        _watch.Dispose();
        _died.Dispose();
    }

    [Fact]
    public void A_killed_process_is_seen_and_one_that_stands_still_is_not()
    {
        var (killed, stopped) = (Sleeper(), Sleeper());
        try
        {
            _watch.Add(1, Posix.OpenPidfd(stopped));
            _watch.Add(2, Posix.OpenPidfd(killed));
            Posix.Kill(stopped, 19);
            Posix.Kill(killed, Posix.SigKill);
            Assert.True(_died.TryTake(out var key, s_soon));
            Assert.Equal(2ul, key);
            Assert.Equal(Posix.SigKill, ProcessProbe.ExitStatus(killed));
            Assert.Empty(_died);
        }
        finally
        {
            Posix.Kill(stopped, Posix.SigKill);
            Posix.WaitFor(stopped);
            Posix.WaitFor(killed);
        }
    }

    [Fact]
    public void One_that_is_dead_before_it_is_watched_is_seen_too()
    {
        var pid = Sleeper();
        var pidfd = Posix.OpenPidfd(pid);
        Posix.Kill(pid, Posix.SigKill);
        Posix.WaitFor(pid);
        _watch.Add(1, pidfd);
        Assert.True(_died.TryTake(out _, s_soon));
    }

    [Fact]
    public void One_that_is_removed_is_not_reported()
    {
        var (removed, other) = (Sleeper(), Sleeper());
        _watch.Add(1, Posix.OpenPidfd(removed));
        _watch.Add(2, Posix.OpenPidfd(other));
        _watch.Remove(1);
        foreach (var pid in new[] { removed, other })
        {
            Posix.Kill(pid, Posix.SigKill);
            Posix.WaitFor(pid);
        }
        Assert.True(_died.TryTake(out var key, s_soon));
        Assert.Equal(2ul, key);
        Assert.Empty(_died);
    }

    [Fact]
    public void Many_that_die_at_once_are_all_seen()
    {
        var pids = Enumerable.Range(0, 40).Select(_ => Sleeper()).ToList();
        pids.ForEach(pid => _watch.Add((ulong)pid, Posix.OpenPidfd(pid)));
        pids.ForEach(pid => Posix.Kill(pid, Posix.SigKill));
        var seen = new HashSet<ulong>();
        while (seen.Count < pids.Count && _died.TryTake(out var key, s_soon))
        {
            Assert.True(seen.Add(key));
        }
        Assert.Equal(pids.Count, seen.Count);
        pids.ForEach(pid => Posix.WaitFor(pid));
    }

    [Fact]
    public void The_probe_reads_a_process()
    {
        var pid = Sleeper();
        // posix_spawn(3) returns from the middle of the child's exec, just before the kernel knows the new command line.
        Assert.True(SpinWait.SpinUntil(() => new ProcessProbe().Read(pid) is { Environment.Count: > 0 }, s_soon));
        var facts = new ProcessProbe().Read(pid);
        Posix.Kill(pid, Posix.SigKill);
        Posix.WaitFor(pid);
        Assert.NotNull(facts);
        Assert.Equal(["sleep", "1000"], facts.Command);
        Assert.Equal(["MARK=ä\u0001"], facts.Environment.Select(CommandText));
        Assert.Equal("/", facts.Folder);
        Assert.Equal("/dev/null", facts.Stdio[0]);
        Assert.Null(new ProcessProbe().Read(pid));
    }

    private static string CommandText(string latin) =>
        System.Text.Encoding.UTF8.GetString(System.Text.Encoding.Latin1.GetBytes(latin));

    private static int Sleeper()
    {
        var nothing = Posix.Open("/dev/null", Posix.ReadWrite | Posix.CloseOnExec, 0);
        try
        {
            return Posix.Spawn(
                "/usr/bin/sleep", ["sleep", "1000"], [CriuCommand.Native("MARK=ä\u0001")], "/",
                [(nothing, 0), (nothing, 1), (nothing, 2)], newSession: true);
        }
        finally
        {
            Posix.Close(nothing);
        }
    }
}
