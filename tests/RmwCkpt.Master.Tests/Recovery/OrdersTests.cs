using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Tests.Recovery;

/// <summary>What becomes of the dead when nobody was left, and of those whom a user tells to end.</summary>
public sealed class OrdersTests : IDisposable
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

    private ProcessState StateOf(Member member) => _domain.Registry.Look(() => member.Entry.State);

    private Member Again(Member member) => _domain.Registry.Find(member.Id)!;

    private static NodesOrder Order(params string[] nodes)
    {
        var order = new NodesOrder { All = nodes.Length == 0 };
        order.Nodes.AddRange(nodes);
        return order;
    }

    private static void Eventually(Func<bool> condition) =>
        Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(20)), "it did not come");

    private void KillAll(params int[] pids)
    {
        _domain.Master.Dispose();
        Array.ForEach(pids, _domain.End);
        _domain.Start();
    }

    [Fact]
    public void Those_who_were_killed_together_with_all_others_are_kept_and_not_brought_back()
    {
        Member[] members = [Join(Pid, "one"), Join(Pid + 1, "two")];
        KillAll(Pid, Pid + 1);
        Assert.All(members.Select(Again), m =>
        {
            Assert.Equal(ProcessState.Failed, StateOf(m));
            Assert.StartsWith("all of the domain were killed", m.Entry.Record.Note, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Where_one_lives_the_others_are_not_kept()
    {
        var (dead, _) = (Join(Pid, "one"), Join(Pid + 1, "two"));
        KillAll(Pid);
        Eventually(() => StateOf(Again(dead)) == ProcessState.Failed);
        Assert.Contains("RMW_CKPT_RECOVER", Again(dead).Entry.Record.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_kept_can_be_forgotten_and_what_lives_cannot()
    {
        var kept = Join(Pid, "kept");
        KillAll(Pid);
        Join(Pid + 1, "alive");
        Assert.Contains("rmw_ckpt stop", _domain.Call(Pid, new Request { Forget = Order("alive") }).Error, StringComparison.Ordinal);
        Assert.Equal(["/kept"], _domain.Call(Pid, new Request { Forget = Order() }).DoneTo());
        Eventually(() => _domain.Registry.Find(kept.Id) is null or { Entry.State: ProcessState.Exited });
        Assert.Empty(_domain.Call(Pid, new Request { Forget = Order() }).DoneTo());
    }

    [Fact]
    public async Task One_that_is_told_to_end_has_left_whatever_ends_it()
    {
        var member = Join(Pid, "stubborn");
        var ending = Task.Run(() => _domain.Call(Pid + 1, new Request { End = Order("stubborn") }).DoneTo());
        Eventually(() => _domain.Registry.Look(() => member.Entry.Record.ToldToEnd));
        _domain.End(Pid);
        Assert.Equal(["/stubborn"], await ending);
        Assert.Equal(ProcessState.Exited, StateOf(member));
    }

    [Fact]
    public void One_that_was_told_to_end_stays_so_for_the_next_master()
    {
        var (told, _) = (Join(Pid, "told"), Join(Pid + 1, "other"));
        _domain.Registry.Update(told, r => r.ToldToEnd = true);
        KillAll(Pid);
        Eventually(() => _domain.Registry.Find(told.Id) is null or { Entry.State: ProcessState.Exited });
    }

    [Fact]
    public void Of_what_stays_down_nothing_comes_after_it_was_told_to_end()
    {
        var kept = Join(Pid, "kept");
        KillAll(Pid);
        Assert.Equal(["/kept"], _domain.Call(Pid, new Request { End = Order() }).DoneTo());
        Eventually(() => _domain.Registry.Find(kept.Id) is null or { Entry.State: ProcessState.Exited });
    }

    [Fact]
    public void An_order_for_a_wrong_name_says_the_nearest()
    {
        Join(Pid, "talker");
        foreach (var request in new Request[]
        {
            new() { End = Order("taker") }, new() { Forget = Order("taker") }, new() { Recover = Order("taker") },
        })
        {
            Assert.Contains("did you mean /talker?", _domain.Call(Pid, request).Error, StringComparison.Ordinal);
        }
    }
}

internal static class ReplyReading
{
    public static IEnumerable<string> DoneTo(this Reply reply)
    {
        Assert.Equal("", reply.Error);
        return reply.Done;
    }
}
