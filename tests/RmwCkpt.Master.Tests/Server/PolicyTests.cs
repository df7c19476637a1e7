using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Master.Tests.Server;

/// <summary>What processes ask for themselves, and that each has its own.</summary>
public sealed class PolicyTests
{
    /// <summary>No process of the host has it, or one after it.</summary>
    private const int Pid = 4_200_001;

    private static (Policy Policy, List<string> Complaints) Read(params (string Name, string Value)[] values)
    {
        var settings = new Settings(name => values.FirstOrDefault(x => x.Name == name).Value);
        return (Policy.FromEnvironment(settings), [.. settings.Complaints]);
    }

    [Fact]
    public void Without_variables_nothing_is_asked_for()
    {
        var (policy, complaints) = Read(("RMW_CKPT_INTERVAL", ""));
        Assert.Equal(new Policy(), policy);
        Assert.Empty(policy.Written());
        Assert.Empty(complaints);
    }

    [Fact]
    public void Good_values_are_taken()
    {
        var (policy, complaints) = Read(
            ("RMW_CKPT_INTERVAL", "0.5"), ("RMW_CKPT_ENGINE", "NONE"), ("RMW_CKPT_RECOVER", "signals"), ("RMW_CKPT_GOAL", "0.1"),
            ("RMW_CKPT_POISON", "skip"));
        Assert.Equal(
            new Policy
            {
                Interval = 0.5, Engine = EnginePolicy.None, Recover = RecoverPolicy.Signals, Goal = 0.1, Poison = PoisonPolicy.Skip,
            },
            policy);
        Assert.Equal(["recover=signals", "engine=none", "interval=0.5", "goal=0.1", "poison=skip"], policy.Written());
        Assert.Empty(complaints);
        Assert.Equal(["interval=auto"], Read(("RMW_CKPT_INTERVAL", "auto")).Policy.Written());
    }

    [Theory]
    [InlineData("RMW_CKPT_INTERVAL", "soon")]
    [InlineData("RMW_CKPT_INTERVAL", "-1")]
    [InlineData("RMW_CKPT_INTERVAL", "NaN")]
    [InlineData("RMW_CKPT_INTERVAL", "1e99")]
    [InlineData("RMW_CKPT_GOAL", "auto")]
    [InlineData("RMW_CKPT_ENGINE", "dmtpc")]
    [InlineData("RMW_CKPT_RECOVER", "yes")]
    [InlineData("RMW_CKPT_POISON", "2")]
    public void A_bad_value_is_said_and_as_if_it_were_not_there(string name, string value)
    {
        var (policy, complaints) = Read((name, value));
        Assert.StartsWith($"{name}={value} is ", Assert.Single(complaints), StringComparison.Ordinal);
        Assert.Equal(new Policy(), policy);
    }

    [Fact]
    public void Each_process_has_its_own_over_masters_and_status_says_it()
    {
        using var domain = new FakeDomain();
        domain.Call(Pid, Hello(new Policy { Recover = RecoverPolicy.Off, Interval = 2 }));
        domain.Call(Pid + 1, Hello(new Policy { Engine = EnginePolicy.None }, "RMW_CKPT_GOAL=x is not a number"));
        domain.Call(Pid + 2, Hello(new Policy { Engine = EnginePolicy.Criu }));
        domain.Restart();
        var status = domain.Call(Pid + 3, new Request { Status = new StatusQuery() }).Status;
        var (first, second) = (status.Processes.Single(x => x.Process.Pid == Pid), status.Processes.Single(x => x.Process.Pid == Pid + 1));
        Assert.Equal(new Policy { Recover = RecoverPolicy.Off, Interval = 2 }, first.Policy);
        Assert.Equal("recover=off, interval=2", first.Note);
        Assert.Equal(new Policy { Engine = EnginePolicy.None }, second.Policy);
        Assert.Equal("RMW_CKPT_GOAL=x is not a number; engine=none", second.Note);
        // A fake domain has no CRIU.
        Assert.StartsWith("criu was asked for, but ", status.Processes.Single(x => x.Process.Pid == Pid + 2).Note, StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_is_not_to_be_brought_back_stays_down_while_others_are()
    {
        using var domain = new FakeDomain();
        var off = domain.Call(Pid, Hello(new Policy { Recover = RecoverPolicy.Off })).Welcome.Process;
        var on = domain.Call(Pid + 1, Hello(new Policy())).Welcome.Process;
        domain.End(Pid);
        domain.End(Pid + 1);
        Assert.True(SpinWait.SpinUntil(() => Record(off).Note.Length > 0 && Record(on).Recoveries > 0, TimeSpan.FromSeconds(20)));
        Assert.Contains("RMW_CKPT_RECOVER=off", Record(off).Note, StringComparison.Ordinal);
        Assert.Equal(0u, Record(off).Recoveries);

        Process Record(ulong process) => domain.Registry.Find(process)!.Entry.Record;
    }

    private static Request Hello(Policy policy, params string[] complaints) =>
        new() { Hello = new Hello { Policy = policy, Complaints = { complaints } } };
}
