using System.Globalization;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Engines.Criu;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Engines.Criu;

/// <summary>A CRIU that hangs, with a helper in a session of its own: a script in its place.</summary>
public sealed class CriuRunTests : IDisposable
{
    private const int Nobody = 1 << 22; // never a process id
    private readonly Scratch _scratch = new();
    private readonly string _program;

    public CriuRunTests()
    {
        Snapshot.MakeFolder();
        // An image of no files.
        (Snapshot / "files.img").WriteAll(new byte[8]);
        _program = _scratch.Path_("criu");
        File.WriteAllText(_program, $"""
            #!/bin/sh
            case $1 in
            --version) echo Version: 4.2 ;;
            check) ;;
            *)
              setsid sleep 1000 &
              echo $$ $! >{Pids}.new
              mv {Pids}.new {Pids}
              wait ;;
            esac
            """);
        File.SetUnixFileMode(_program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private TrustedPath Snapshot => _scratch.Folder.Images / "1";

    private string Pids => _scratch.Path_("pids");

    private TrustedPath LockFile => _scratch.Folder.Folder.Root / "lock";

    public void Dispose()
    {
        foreach (var pid in Started())
        {
            Posix.Kill(pid, Posix.SigKill);
            ProcessTree.Collect([pid], TimeSpan.FromSeconds(5));
        }
        _scratch.Dispose();
    }

    [CriuFact]
    public void A_restore_that_hangs_is_ended_whole_and_its_lock_is_free()
    {
        var result = Run(x => x.Restore(Order()));
        Assert.False(result.Done);
        Assert.False(result.Again);
        Assert.Contains("did not end in", result.Why, StringComparison.Ordinal);
        AssertStarted(pid => ProcessProbe.HasEnded(pid));
        Assert.Empty(RestoreLock.Holders(LockFile));
    }

    /// <summary>CRIU would open what the process had open by its path: another's files.</summary>
    [CriuFact]
    public void Nothing_is_restored_where_the_run_folders_path_leads_elsewhere()
    {
        var run = _scratch.Folder.Run;
        Directory.Move(run, _scratch.Path_("moved"));
        Directory.CreateDirectory(run);
        Assert.Contains("another folder by now", Engine(0.5).Restore(Order()).Why, StringComparison.Ordinal);
        Assert.Empty(Started());
    }

    [CriuFact]
    public void A_dump_that_hangs_is_ended_whole_and_the_process_not_trusted()
    {
        var result = Run(x => x.Dump(new DumpOrder(Posix.ProcessId, Snapshot, HeldStdio.None)));
        Assert.True(result.Harmed);
        Assert.Contains("did not end in", result.Why, StringComparison.Ordinal);
        AssertStarted(pid => ProcessProbe.HasEnded(pid));
    }

    [CriuFact]
    public void The_masters_end_leaves_a_dump_under_way_to_itself()
    {
        var engine = new CriuEngine(_program);
        var dump = Task.Run(() => engine.Dump(new DumpOrder(Posix.ProcessId, Snapshot, HeldStdio.None)));
        Assert.True(SpinWait.SpinUntil(() => File.Exists(Pids), TimeSpan.FromSeconds(20)));
        engine.Stop();
        Assert.True(dump.Wait(TimeSpan.FromSeconds(20)));
        Assert.False(dump.Result.Harmed);
        AssertStarted(pid => !ProcessProbe.HasEnded(pid));
    }

    [Fact]
    public void What_a_killed_restore_has_left_with_the_lock_is_ended_by_the_next()
    {
        var first = RestoreLock.Take(LockFile, TimeSpan.Zero);
        var nothing = Posix.Open("/dev/null", Posix.ReadWrite | Posix.CloseOnExec, 0);
        var helper = Posix.Spawn(
            "/bin/sleep", ["sleep", "1000"], [], "/", [(nothing, 0), (nothing, 1), (nothing, 2), (first, 7)], newSession: true);
        Posix.Close(nothing);
        Posix.Close(first);
        Assert.Equal([helper], RestoreLock.Holders(LockFile));
        Posix.Close(RestoreLock.Take(LockFile, TimeSpan.FromMilliseconds(20)));
        Assert.True(ProcessProbe.HasEnded(helper));
    }

    [Fact]
    public void A_restore_of_more_bytes_may_take_longer() =>
        Assert.InRange(CriuRun.LimitFor(1L << 30) - CriuRun.LimitFor(0), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));

    private CriuEngine Engine(double seconds) => new(_program) { LeastLimit = TimeSpan.FromSeconds(seconds) };

    /// <summary>Runs it with more and more time, until the script has come as far as to start its helper.</summary>
    private T Run<T>(Func<CriuEngine, T> run)
    {
        for (var seconds = 0.5; ; seconds *= 2)
        {
            var result = run(Engine(seconds));
            if (Started().Any())
            {
                return result;
            }
            Assert.True(seconds < 30, "the script starts nothing");
        }
    }

    /// <summary>That some were started, and what holds for each.</summary>
    private void AssertStarted(Predicate<int> holds)
    {
        var started = Started().ToList();
        Assert.NotEmpty(started);
        Assert.All(started, pid => Assert.True(holds(pid), $"process {pid}"));
    }

    private IEnumerable<int> Started() => !File.Exists(Pids)
        ? []
        : File.ReadAllText(Pids).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            .Select(x => int.Parse(x, CultureInfo.InvariantCulture));

    private RestoreOrder Order() => new(new Process { Pid = Nobody }, Snapshot, HeldStdio.None)
    {
        Pid = Nobody,
        Domain = 0,
        RunFolder = _scratch.Folder.Folder.Root,
        LockFile = LockFile,
        OutputFile = _ => _scratch.Folder.Folder.Root / "output",
        Lost = (_, _) => { },
    };
}
