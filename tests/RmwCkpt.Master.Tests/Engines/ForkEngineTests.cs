using System.Text;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Engines;

/// <summary>Engine fork's orders, which the test answers as a process and its sleeping child do (tests/ros/test_fork.py has real ones).</summary>
public sealed class ForkEngineTests : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly ForkEngine _engine = new();
    private readonly Mapping _file;

    public ForkEngineTests()
    {
        Path.Parent.MakeFolder();
        _file = Mapping.Create(Path, SnapshotPage.FileSize);
    }

    private TrustedPath Path => _scratch.Folder.SnapshotPage(1);

    private Region Page => _file.View;

    public void Dispose()
    {
        _file.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public async Task A_snapshot_is_what_the_process_says_of_it()
    {
        var taken = Task.Run(Dump);
        Answer(SnapshotOutcomes.Taken, "");
        Assert.True(await taken is { Done: true, FrozenNanoseconds: 7 });
        var refused = Task.Run(Dump);
        Answer(SnapshotOutcomes.Refused, "fd 3 is a socket");
        Assert.True(await refused is { Done: false, Retry: false, Why: "fd 3 is a socket" });
        var later = Task.Run(Dump);
        Answer(SnapshotOutcomes.RefusedForNow, "a debugger traces it");
        Assert.True(await later is { Done: false, Retry: true, Why: "a debugger traces it" });
    }

    [Fact]
    public async Task A_snapshot_that_is_taken_too_late_is_not_taken_for_the_next_one()
    {
        Assert.Equal(SnapshotResult.Failed("it does not answer: is it stopped?"), Dump());
        Assert.Equal(Page.ReadInt32(SnapshotPage.Ask), Page.ReadInt32(SnapshotPage.Cancelled));
        Page.Release(SnapshotPage.Answered, Page.ReadInt32(SnapshotPage.Ask));
        var next = Task.Run(Dump);
        Answer(SnapshotOutcomes.Refused, "fd 3 is a socket");
        Assert.Equal("fd 3 is a socket", (await next).Why);
    }

    [Fact]
    public void A_process_that_was_not_started_for_it_is_told_how()
    {
        var result = _engine.Dump(new DumpOrder(Posix.ProcessId, _scratch.Folder.Images, HeldStdio.None) { Page = _scratch.Folder.SnapshotPage(2) });
        Assert.Contains("RMW_CKPT_ENGINE=fork", result.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_revived_where_the_child_has_ended_and_its_outputs_stay_as_they_are()
    {
        Assert.Equal(RestoreResult.Failed("the child that was the snapshot has ended", again: false), Restore(() => 0));
        Assert.Equal(0, Page.ReadInt32(SnapshotPage.Order));
    }

    [Fact]
    public async Task Who_claims_the_incarnation_is_the_process_whoever_answers()
    {
        Sleep();
        var claimant = 0;
        var result = Task.Run(() => Restore(() => Volatile.Read(ref claimant)));
        Await(SnapshotPage.Order, 1);
        Volatile.Write(ref claimant, 4711);
        Assert.Equal(4711, (await result).Pid);
        Assert.Equal("processes/0000000000000001/output.log", Encoding.ASCII.GetString(Page.Span(SnapshotPage.Outputs, 37)));
        // One that has it already is asked for no other.
        Assert.Equal(4711, Restore(() => 4711).Pid);
        Assert.Equal(1, Page.ReadInt32(SnapshotPage.Order));
    }

    [Fact]
    public async Task What_a_revival_failed_for_is_said()
    {
        Sleep();
        var result = Task.Run(() => Restore(() => 0));
        Await(SnapshotPage.Order, 1);
        Encoding.ASCII.GetBytes("fd 5 is not to be made anew", Page.Span(SnapshotPage.Why, 100));
        Page.Release(SnapshotPage.Revived, -1);
        Page.Release(SnapshotPage.Obeyed, 1);
        Assert.Equal("fd 5 is not to be made anew", (await result).Why);
    }

    [Fact]
    public void The_doctor_says_what_the_program_says_that_tries_it()
    {
        var program = _scratch.Path_("try_fork");
        Assert.Equal(new EngineCheck(true, $"not tried: {program} is not installed"), ForkTrial.Run(program));
        File.WriteAllText(program, "#!/bin/sh\nif [ -e \"$0.good\" ]; then exit 0; fi\necho the kernel refuses a fork\nexit 1\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Assert.Equal(new EngineCheck(false, "the kernel refuses a fork"), ForkTrial.Run(program));
        File.WriteAllText(program + ".good", "");
        Assert.Equal(new EngineCheck(true, "tried"), ForkTrial.Run(program));
    }

    /// <summary>The child is this process.</summary>
    private void Sleep() =>
        Page.Release(SnapshotPage.Child, (new ProcessProbe().StartTime(Posix.ProcessId)!.Value << 32) | (uint)Posix.ProcessId);

    private SnapshotResult Dump() => _engine.Dump(new DumpOrder(Posix.ProcessId, _scratch.Folder.Images, HeldStdio.None) { Page = Path });

    private RestoreResult Restore(Func<int> claimant) =>
        _engine.Restore(new RestoreOrder(new Process { Process_ = 1, Stdio = { "", "pipe:[1]", "/dev/null" } }, null, HeldStdio.None)
        {
            Domain = 0,
            RunFolder = _scratch.Folder.Folder.Root,
            LockFile = Path.Parent / "restore.lock",
            OutputFile = _ => Path.Parent / "output.log",
            Lost = (_, _) => { },
            Page = Path,
            Claimant = claimant,
        });

    private void Answer(SnapshotOutcomes outcome, string refusal)
    {
        var asked = Page.AcquireInt32(SnapshotPage.Answered) + 1;
        Await(SnapshotPage.Ask, asked);
        Page.Write(SnapshotPage.Outcome, (int)outcome);
        Page.Write(SnapshotPage.Frozen, 7L);
        Page.Span(SnapshotPage.Refusal, 200).Clear();
        Encoding.ASCII.GetBytes(refusal, Page.Span(SnapshotPage.Refusal, 199));
        Page.Release(SnapshotPage.Answered, asked);
        Futex.WakeAll(Page, SnapshotPage.Answered);
    }

    private void Await(int offset, int value)
    {
        Assert.True(SpinWait.SpinUntil(() => Page.AcquireInt32(offset) == value, TimeSpan.FromSeconds(20)));
    }
}
