using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Snapshots;

namespace RmwCkpt.Master.Tests.Snapshots;

public sealed class RecoveryGoalTests
{
    private const long Second = 1_000_000_000;
    private const int Node = 7;
    private static readonly Policy s_auto = new();
    private readonly Dictionary<int, long> _used = new() { [Node] = 50 * Second };
    private readonly RecoveryGoal _goal;
    private int _looks;

    public RecoveryGoalTests() => _goal = new RecoveryGoal(pid =>
    {
        _looks++;
        return _used[pid];
    });

    [Fact]
    public void One_that_has_used_more_than_the_goal_is_due_and_not_before()
    {
        Assert.False(_goal.IsMissed(s_auto, Node, 0));
        _goal.Begin(Node, cost: 0, now: 0);
        _used[Node] += Second / 5;
        Assert.False(_goal.IsMissed(s_auto, Node, Second));
        _used[Node] += Second / 100;
        Assert.True(_goal.IsMissed(s_auto, Node, Second));
        Assert.False(_goal.IsMissed(new Policy { Goal = 2 }, Node, Second));
    }

    [Theory]
    [InlineData(10_000_000)]
    [InlineData(200_000_000)]
    public void What_its_snapshots_cost_stays_below_a_hundredth(long cost)
    {
        _goal.Begin(Node, cost, now: 0);
        _used[Node] += 100 * Second;
        Assert.False(_goal.IsMissed(s_auto, Node, (100 * cost) - 1));
        Assert.True(_goal.IsMissed(s_auto, Node, 100 * cost));
    }

    [Fact]
    public void Where_an_interval_was_asked_for_it_has_no_say()
    {
        _goal.Begin(Node, cost: 0, now: 0);
        _used[Node] += 100 * Second;
        Assert.False(_goal.IsMissed(new Policy { Interval = 5 }, Node, Second));
        Assert.False(_goal.IsMissed(new Policy { Interval = 0 }, Node, Second));
        Assert.True(_goal.IsMissed(new Policy { Interval = -1 }, Node, Second));
    }

    [Fact]
    public void A_restored_one_has_to_do_again_all_that_it_has_done_since()
    {
        _goal.Begin(Node, cost: 0, now: 0);
        _used[Node + 1] = Second / 2;
        Assert.True(_goal.IsMissed(s_auto, Node + 1, Second));
    }

    [Fact]
    public void It_is_not_looked_at_again_before_it_can_have_used_so_much()
    {
        _goal.Begin(Node, cost: 0, now: 0);
        _looks = 0;
        for (var now = 0L; now < Second; now += Second / 1000)
        {
            Assert.False(_goal.IsMissed(s_auto, Node, now));
        }
        Assert.InRange(_looks, 1, 5);
    }

    [Fact]
    public void The_kernel_says_what_a_process_has_used()
    {
        for (var before = ProcessProbe.ProcessorTime(Environment.ProcessId); ProcessProbe.ProcessorTime(Environment.ProcessId) == before;)
        {
            Thread.SpinWait(1000);
        }
        Assert.Equal(0, ProcessProbe.ProcessorTime(int.MaxValue));
    }
}
