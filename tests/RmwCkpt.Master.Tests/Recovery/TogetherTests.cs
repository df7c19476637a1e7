using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Tests.Recovery;

/// <summary>All of a domain killed and restarted: what is on record, whatever becomes of the master.</summary>
public sealed class TogetherTests : IDisposable
{
    private const int Pid = 1_000_001;
    private readonly FakeDomain _domain = new();

    public void Dispose() => _domain.Dispose();

    private Member Join(int pid, string name)
    {
        var process = _domain.Hello(pid).Process;
        Assert.Equal("", _domain.Call(pid, new Request { Register = Scratch.Register(process, Scratch.Node(process, 1, name)) }).Error);
        return _domain.Registry.Find(process)!;
    }

    private Member Again(Member member) => _domain.Registry.Find(member.Id)!;

    private ProcessState StateOf(Member member) => _domain.Registry.Look(() => Again(member).Entry.State);

    private static void Eventually(Func<bool> condition) =>
        Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(20)), "it did not come");

    private Reply Kill(long number = 1) => _domain.Call(Pid, new Request { Kill = new TogetherOrder { Number = number } });

    private Reply Restart(long number = 2) => _domain.Call(Pid, new Request { Restart = new TogetherOrder { Number = number } });

    private bool IsKilled(Member member) => _domain.Registry.Look(() => Again(member).Entry.Record.Killed != 0);

    /// <summary>What is killed ends when it is on record for all.</summary>
    private async Task<Reply> KillAll(params Member[] members)
    {
        var killing = Task.Run(() => Kill());
        Eventually(() => members.All(IsKilled));
        Array.ForEach(members, m => _domain.End((int)m.Entry.Record.Pid));
        return await killing;
    }

    /// <summary>Its next incarnation is there, and ends before it is live.</summary>
    private void EndNext(Member member)
    {
        Eventually(() => StateOf(member) == ProcessState.Live && Again(member).Entry.Record.Incarnation == 2);
        _domain.End((int)Again(member).Entry.Record.Pid);
    }

    [Fact]
    public async Task Who_is_killed_stays_down_for_this_master_and_the_next_however_long()
    {
        Member[] members = [Join(Pid, "one"), Join(Pid + 1, "two")];
        var reply = await KillAll(members);
        Assert.Equal(["/one is killed", "/two is killed"], reply.Outcomes.Select(x => $"{x.Name} {x.How}"));
        Assert.All(reply.Outcomes, x => Assert.True(x.Done));
        _domain.Restart();
        _domain.Registry.Table.Domain.Write(ProcessTable.LookedAt, 1L);
        _domain.Restart();
        Assert.All(members, m => Assert.Equal(ProcessState.Failed, StateOf(m)));
        var status = _domain.Call(Pid, new Request { Status = new StatusQuery() }).Status;
        Assert.All(status.Processes, x => Assert.Equal("killed", x.State));
        Assert.All(status.Processes, x => Assert.Contains("rmw_ckpt restart", x.Note, StringComparison.Ordinal));
    }

    [Fact]
    public void The_next_master_goes_on_with_a_kill_for_whoever_still_lives()
    {
        Member[] members = [Join(Pid, "one"), Join(Pid + 1, "two")];
        foreach (var member in members)
        {
            _domain.Registry.Update(member, r => (r.Killed, r.KillOrder) = (1, 7));
        }
        _domain.Master.Dispose();
        _domain.End(Pid);
        _domain.Start();
        Eventually(() => StateOf(members[0]) == ProcessState.Failed && IsKilled(members[0]));
        _domain.End(Pid + 1);
        // The same order, said again: it is done to both.
        Assert.Equal(["/one", "/two"], Kill(7).Outcomes.Where(x => x.Done).Select(x => x.Name).Order());
        Assert.All(members, m => Assert.True(IsKilled(m)));
    }

    [Fact]
    public async Task Who_was_killed_is_brought_back_and_what_cannot_be_is_named_with_why()
    {
        var member = Join(Pid, "one");
        await KillAll(member);
        var restarting = Task.Run(() => Restart());
        EndNext(member);
        var outcome = Assert.Single((await restarting).Outcomes);
        Assert.Equal(("/one", false), (outcome.Name, outcome.Done));
        Assert.StartsWith("was not brought back as it was: ", outcome.How, StringComparison.Ordinal);
        Assert.False(IsKilled(member));
        // It stays down as any other: another order is not for it.
        Assert.Empty(Restart(3).Outcomes);
    }

    [Fact]
    public async Task The_next_master_goes_on_with_a_restart_though_nobody_lives_and_tells_of_it_who_asks_again()
    {
        var member = Join(Pid, "one");
        await KillAll(member);
        // The master before has died between two of its restores.
        _domain.Registry.Update(member, r => (r.State, r.Killed, r.RestartOrder, r.Restarting) = ((uint)ProcessState.Recovering, 0, 2, true));
        _domain.Restart();
        EndNext(member);
        Eventually(() => StateOf(member) == ProcessState.Failed);
        var note = _domain.Registry.Look(() => Again(member).Entry.Record.Note);
        Assert.DoesNotContain("all of the domain were killed", note, StringComparison.Ordinal);
        Assert.Contains(note, Assert.Single(Restart().Outcomes).How, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_is_killed_again_before_it_is_live_is_not_said_to_be()
    {
        var member = Join(Pid, "one");
        await KillAll(member);
        var restarting = Task.Run(() => Restart());
        Eventually(() => StateOf(member) == ProcessState.Live && Again(member).Entry.Record.Incarnation == 2);
        Assert.Equal("is killed", Assert.Single((await KillAll(Again(member))).Outcomes).How);
        Assert.Equal((false, "is killed again"), (await restarting).Outcomes.Select(x => (x.Done, x.How)).Single());
        Assert.Equal(ProcessState.Failed, StateOf(member));
    }

    [Fact]
    public async Task One_that_was_killed_can_be_recovered_alone_and_has_not_the_time_between_to_catch_up_with()
    {
        Member[] members = [Join(Pid, "one"), Join(Pid + 1, "two")];
        await KillAll(members);
        _domain.Registry.Update(members[0], r => r.Killed -= 3_600_000_000_000);
        var order = new NodesOrder();
        order.Nodes.Add("one");
        var recovering = Task.Run(() => _domain.Call(Pid, new Request { Recover = order }));
        EndNext(members[0]);
        await recovering;
        Assert.False(IsKilled(members[0]));
        Assert.InRange(members[0].Slot.ReadInt64(ProcessTable.Paused), 3_600_000_000_000, 3_700_000_000_000);
        Assert.True(IsKilled(members[1]));
    }

    [Fact]
    public void Who_could_not_come_back_or_looks_after_others_is_left_alone_and_named()
    {
        _domain.RightsOf = pid => pid == Pid ? new Rights() : RightsReader.Own;
        var restricted = Join(Pid, "restricted");
        var launcher = Join(Pid + 1, "launcher");
        launcher.HasNodes = true;
        var outcomes = Kill().Outcomes;
        Assert.All(outcomes, x => Assert.StartsWith("is left alone: ", x.How, StringComparison.Ordinal));
        Assert.Equal([("/launcher", true), ("/restricted", false)], outcomes.Select(x => (x.Name, x.Done)).Order());
        Assert.Equal(ProcessState.Live, StateOf(restricted));
    }

    [Fact]
    public async Task A_node_of_its_name_takes_the_place_of_a_killed_one()
    {
        var killed = Join(Pid, "one");
        await KillAll(killed);
        Join(Pid + 1, "one");
        Eventually(() => _domain.Registry.Find(killed.Id) is null or { Entry.State: ProcessState.Exited });
        Assert.Empty(Restart().Outcomes);
    }
}
