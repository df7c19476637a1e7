using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Server;

namespace RmwCkpt.Master.Tests.Server;

/// <summary>Policies by nodes' names.</summary>
public sealed class PolicyFileTests
{
    /// <summary>No process of the host has it, or one after it.</summary>
    private const int Pid = 4_200_001;

    private const string Example = """
        # cameras have nothing to lose
        /camera_.*:
          recover: off
        planner: {interval: 2, engine: none}
        /.*:
          interval: auto
        """;

    private static IReadOnlyList<PolicyRule> Rules(string text) => PolicyFile.Parse("robot.yaml", text);

    private static string Choose(string text, Policy environment, params string[] nodes) =>
        string.Join(" ", PolicyFile.Choose(environment, Rules(text), nodes).Written());

    [Theory]
    [InlineData("recover=off interval=7", "/camera_left")]
    [InlineData("recover=off interval=7", "/planner", "/camera_left")]
    [InlineData("engine=none interval=2", "/planner")]
    [InlineData("interval=auto", "/a/planner")]
    [InlineData("interval=auto", "/planner2")]
    [InlineData("interval=7")]
    public void The_first_pattern_for_a_whole_name_counts_more_than_the_environment(string settings, params string[] nodes) =>
        Assert.Equal(settings, Choose(Example, new Policy { Interval = 7 }, nodes));

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("---\n{}\n")]
    public void Without_rules_the_environment_counts(string text) =>
        Assert.Equal("goal=1", Choose(text, new Policy { Goal = 1 }, "/a"));

    [Theory]
    [InlineData("/a:\n  recover: maybe\n", 2, "none of auto, signals, off")]
    [InlineData("/a:\n  interval: 1\n  rocover: off\n", 3, "'rocover' is not known: recover")]
    [InlineData("/a: off\n", 1, "mapping")]
    [InlineData("- /a\n", 1, "mapping")]
    [InlineData("/a:\n  goal: [1]\n", 2, "text or number")]
    [InlineData("/a:\n  goal:\n", 2, "number of seconds")]
    [InlineData("/a: &x {goal: 1}\n/b: *x\n", 2, "mapping")]
    [InlineData("/a: {goal: 1}\n/a: {goal: 2}\n", 2, "twice")]
    [InlineData("/a:\n  goal: 1\n  goal: 2\n", 3, "twice")]
    [InlineData("/a: {goal: 1}\n/b(: {goal: 1}\n", 2, "cannot be used")]
    [InlineData("(?=x)/b: {goal: 1}\n", 1, "cannot be used")]
    [InlineData("/a: {goal: 1}\n--- \n/b: {goal: 1}\n", 2, "second document")]
    [InlineData("/a: {goal: 1\n", 2, "")]
    public void What_is_wrong_is_said_with_file_and_line(string text, int line, string what)
    {
        var message = Assert.Throws<RequestException>(() => Rules(text)).Message;
        Assert.StartsWith($"robot.yaml:{line}: ", message, StringComparison.Ordinal);
        Assert.Contains(what, message, StringComparison.Ordinal);
    }

    [Fact]
    public void It_comes_with_hello_and_counts_when_nodes_have_names_over_masters_too()
    {
        using var domain = new FakeDomain();
        var hello = new Hello { PolicyFile = "robot.yaml", PolicyText = "/a: {recover: nope}" };
        Assert.StartsWith("robot.yaml:1: ", domain.Call(Pid, new Request { Hello = hello }).Error, StringComparison.Ordinal);
        Assert.Empty(domain.Registry.Members);
        hello.PolicyText = Example;
        hello.Policy = new Policy { Interval = 7 };
        var process = domain.Call(Pid, new Request { Hello = hello }).Welcome.Process;
        Assert.Equal("interval=7", Note());
        domain.Call(Pid, new Request { Register = Scratch.Register(process, Scratch.Node(process, 1, "camera_left")) });
        Assert.Equal("recover=off, interval=7", Note());
        domain.Restart();
        Assert.Equal("recover=off, interval=7", Note());

        string Note() => Assert.Single(domain.Call(Pid + 1, new Request { Status = new StatusQuery() }).Status.Processes).Note;
    }
}
