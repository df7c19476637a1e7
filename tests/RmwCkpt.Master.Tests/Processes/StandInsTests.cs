using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Recovery;
using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Tests.Processes;

/// <summary>Who is started in place of a node that is brought back is no second one.</summary>
public sealed class StandInsTests : IDisposable
{
    private const int Pid = 1_000_001;
    private const int Launcher = 77;
    private const int Other = 78;

    /// <summary>Next incarnations are real: they are there for as long as they are looked at.</summary>
    private readonly FakeDomain _domain = new() { Executable = "/bin/sleep", CommandOf = _ => ["sleep", "20"], ParentOf = _ => Launcher };

    public void Dispose() => _domain.Dispose();

    private static StandIns.Former Former(
        bool same = true, bool kept = false, bool undecided = false, bool comingBack = false, bool back = false, bool launcher = false) =>
        new(same, kept, undecided, comingBack, back, launcher);

    [Fact]
    public void One_that_is_brought_back_has_a_stand_in_and_not_two()
    {
        Assert.Equal(Newcomer.StandIn, StandIns.Judge(Former(comingBack: true)));
        Assert.Equal(Newcomer.StandIn, StandIns.Judge(Former(comingBack: true, undecided: true)));
        Assert.Equal(Newcomer.Node, StandIns.Judge(Former(comingBack: true, kept: true)));
        Assert.Equal(Newcomer.Node, StandIns.Judge(Former(same: false, comingBack: true, back: true, launcher: true)));
    }

    [Fact]
    public void One_that_is_back_has_a_stand_in_where_its_launcher_starts_it_again()
    {
        Assert.Equal(Newcomer.StandIn, StandIns.Judge(Former(back: true, launcher: true)));
        Assert.Equal(Newcomer.Node, StandIns.Judge(Former(back: true)));
        Assert.Equal(Newcomer.Node, StandIns.Judge(Former(back: true, launcher: true, kept: true)));
    }

    [Fact]
    public void Two_equal_commands_that_both_live_are_two_nodes() =>
        Assert.Equal(Newcomer.Node, StandIns.Judge(Former(launcher: true)));

    [Fact]
    public void In_place_of_one_that_was_killed_with_all_others_a_launcher_starts_a_stand_in_and_a_person_a_node()
    {
        var killed = Former(launcher: true) with { IsKilled = true };
        Assert.Equal(Newcomer.StandIn, StandIns.Judge(killed with { IsRespawn = true }));
        Assert.Equal(Newcomer.Node, StandIns.Judge(killed));
        Assert.Equal(Newcomer.Node, StandIns.Judge(killed with { IsRespawn = true, HasKeeper = true }));
        Assert.Equal(Newcomer.Node, StandIns.Judge(killed with { IsRespawn = true, IsSameCommand = false }));
    }

    [Fact]
    public void A_shell_into_which_somebody_types_starts_nothing_again()
    {
        Ancestor[] former = [new() { Pid = 7, StartTime = 1 }];
        var now = new ProcessFacts
        {
            Ancestors = former, Attributes = new Attributes { Session = 7 }, Stdio = ["/dev/pts/1", "/dev/pts/1", "/dev/pts/1"],
        };
        Assert.False(LaunchIdentity.IsRespawn(former, now));
        // A launcher in a terminal leads no session; one that does, as a unit of systemd, has no terminal.
        Assert.True(LaunchIdentity.IsRespawn(former, now with { Attributes = new Attributes { Session = 6 } }));
        Assert.True(LaunchIdentity.IsRespawn(former, now with { Stdio = ["/dev/null", "/dev/pts/1", "/dev/pts/1"] }));
        Assert.False(LaunchIdentity.IsRespawn(former, now with { Ancestors = [new() { Pid = 7, StartTime = 500 }] }));
    }

    [Fact]
    public void Until_an_end_is_judged_it_is_to_be_asked_again() =>
        Assert.Equal(Newcomer.AskAgain, StandIns.Judge(Former(undecided: true, launcher: true)));

    [Fact]
    public void A_command_is_its_program_arguments_folder_and_ROS_environment()
    {
        var facts = new ProcessFacts { Executable = "/bin/a", Command = ["a", "b"], Folder = "/", Environment = ["ROS_X=1", "TERM=vt100"] };
        Assert.Equal(LaunchIdentity.Of(facts), LaunchIdentity.Of(facts with { Environment = ["TERM=xterm", "ROS_X=1"] }));
        Assert.Equal(LaunchIdentity.Of(facts), LaunchIdentity.Of(facts with { Executable = "/bin/a (deleted)" }));
        Assert.NotEqual(LaunchIdentity.Of(facts), LaunchIdentity.Of(facts with { Environment = ["ROS_X=2"] }));
        Assert.NotEqual(LaunchIdentity.Of(facts), LaunchIdentity.Of(facts with { Command = ["ab"] }));
        Assert.NotEqual(LaunchIdentity.Of(facts), LaunchIdentity.Of(facts with { Folder = "/tmp" }));
    }

    [Fact]
    public void A_launcher_is_the_parent_or_its_parent_where_the_same_command_has_taken_the_parents_place()
    {
        var shell = new Ancestor { Pid = 5, StartTime = 50, Command = 0xa };
        Ancestor Wrapper(uint pid, ulong command) => new() { Pid = pid, StartTime = pid, Command = command };
        Assert.True(LaunchIdentity.IsSameLauncher([shell], [shell], _ => true));
        Assert.False(LaunchIdentity.IsSameLauncher([shell], [new Ancestor(shell) { StartTime = 90 }], _ => true));
        Assert.True(LaunchIdentity.IsSameLauncher([Wrapper(8, 1), shell], [Wrapper(9, 1), shell], _ => false));
        Assert.False(LaunchIdentity.IsSameLauncher([Wrapper(8, 1), shell], [Wrapper(9, 1), shell], x => x.Pid == 8));
        Assert.False(LaunchIdentity.IsSameLauncher([Wrapper(8, 1), shell], [Wrapper(9, 2), shell], _ => false));
        Assert.False(LaunchIdentity.IsSameLauncher([], [shell], _ => false));
    }

    [Fact]
    public void A_launcher_that_starts_a_killed_node_again_has_one_node_and_a_keeper_of_it()
    {
        var member = Revive();
        Assert.Equal(member.Id, Hello(Pid + 1).StandInOf);
        Assert.Single(_domain.Registry.Members);
        // It is kept: a second one is a node of its own, also once it is live.
        Assert.Equal(0ul, Hello(Pid + 2).StandInOf);
        BecomeLive(member);
        Assert.Equal(0ul, Hello(Pid + 3).StandInOf);
        // The launcher's next try after the keeper's end.
        _domain.End(Pid + 1);
        Assert.Equal(member.Id, Hello(Pid + 4).StandInOf);
        _domain.End(Pid + 4);
        _domain.ParentOf = _ => Other;
        Assert.Equal(0ul, Hello(Pid + 5).StandInOf);
    }

    [Fact]
    public async Task A_program_that_was_built_since_is_not_stood_in_for_and_its_old_incarnation_ends()
    {
        var member = Revive();
        _domain.Registry.Update(member, r => r.Program["/bin/sleep"] = "another");
        var newcomer = Task.Run(() => Hello(Pid + 1));
        Eventually(() => _domain.Registry.Look(() => member.Entry.Record.ToldToEnd));
        _domain.End((int)member.Entry.Record.Pid);
        Assert.Equal(0ul, (await newcomer).StandInOf);
    }

    [Fact]
    public void The_next_master_knows_the_keeper()
    {
        var member = Revive();
        Assert.Equal(member.Id, Hello(Pid + 1).StandInOf);
        _domain.Restart();
        Assert.Equal(0ul, Hello(Pid + 2).StandInOf);
    }

    [Fact]
    public void A_node_that_stays_down_is_started_anew_and_its_keeper_is_told_why()
    {
        var process = Hello(Pid, RecoverPolicy.Off).Process;
        _domain.End(Pid);
        // It comes before the end is judged, too.
        Assert.Equal(0ul, Hello(Pid + 1).StandInOf);
        var kept = _domain.Call(Pid + 1, new Request { Kept = new KeptQuery { Process = process } }).Kept;
        Assert.Equal(ProcessState.Failed, (ProcessState)kept.State);
        Assert.NotEmpty(kept.Note);
    }

    [Fact]
    public void A_keeper_hears_of_the_end_of_the_incarnation_that_it_keeps_and_of_no_previous_one()
    {
        var member = Revive();
        Hello(Pid + 1);
        Assert.Equal(1u, member.EndedIncarnation);
        member.HowItEnded = new EndOf(9);
        var query = new Request { Kept = new KeptQuery { Process = member.Id } };
        Assert.False(_domain.Call(Pid + 1, query).Kept.HasStatus);
        (member.HowItEnded, member.EndedIncarnation) = (new EndOf(2), 2);
        Assert.Equal(2, _domain.Call(Pid + 1, query).Kept.Status);
    }

    [Fact]
    public void A_keeper_that_was_asked_to_end_and_is_killed_ends_its_node()
    {
        var member = Revive();
        Hello(Pid + 1);
        member.Slot.Release(ProcessTable.AskedAt, Clock.Real);
        _domain.End(Pid + 1);
        Eventually(() => _domain.Registry.Look(() => member.Entry.Record.ToldToEnd));
        _domain.End((int)member.Entry.Record.Pid);
        Eventually(() => _domain.Registry.Find(member.Id) is null or { Entry.State: ProcessState.Exited });
    }

    private static void Eventually(Func<bool> condition) =>
        Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(20)), "it did not come");

    private Welcome Hello(int pid, RecoverPolicy recover = RecoverPolicy.Auto)
    {
        var reply = _domain.Call(pid, new Request { Hello = new Hello { Policy = new Policy { Recover = recover } } });
        Assert.Equal("", reply.Error);
        return reply.Welcome;
    }

    /// <summary>A node that was killed, and whose next incarnation replays.</summary>
    private Member Revive()
    {
        var process = Hello(Pid).Process;
        _domain.End(Pid);
        Eventually(() => _domain.Registry.Look(() =>
            _domain.Registry.Find(process) is { Entry: { State: ProcessState.Live, Record.Incarnation: 2, Record.StartTime: > 0 } }));
        return _domain.Registry.Find(process)!;
    }

    private static void BecomeLive(Member member)
    {
        member.Slot.Release(ProcessTable.LiveAt, Clock.Steady);
        Eventually(() => !member.Recovering);
    }
}
