using RmwCkpt.Trial.Running;

namespace RmwCkpt.Trial.Tests;

public class KillPlanTests
{
    [Fact]
    public void Victims_come_in_turn()
    {
        Assert.True(KillPlan.TryParse("relay,relay,counter,master", out var victims, out var mixed));

        Assert.False(mixed);
        Assert.Equal(
            [Victim.Relay, Victim.Relay, Victim.Counter, Victim.Master, Victim.Relay],
            KillPlan.Make(Options() with { Victims = victims, Times = 5 }).Select(x => x.Victim));
    }

    [Fact]
    public void A_seed_repeats_a_mixed_plan()
    {
        Assert.True(KillPlan.TryParse("mixed", out var victims, out var mixed));
        var options = Options() with { Victims = victims, Mixed = mixed, Times = 200, Seed = 7 };

        var plan = KillPlan.Make(options).ToList();

        Assert.Equal(plan, KillPlan.Make(options));
        Assert.NotEqual(plan, KillPlan.Make(options with { Seed = 8 }));
        Assert.Equal([Victim.Relay, Victim.Counter, Victim.Master], plan.Select(x => x.Victim).Distinct().Order());
        Assert.All(plan, x => Assert.InRange(x.Pause, options.ShortestPause, options.LongestPause));
    }

    [Theory]
    [InlineData("")]
    [InlineData("relay,")]
    [InlineData("launch")]
    [InlineData("1")]
    public void Others_cannot_be_killed(string text) => Assert.False(KillPlan.TryParse(text, out _, out _));

    private static TrialOptions Options() => new() { Program = "" };
}
