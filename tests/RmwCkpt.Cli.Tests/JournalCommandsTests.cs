using System.Text;
using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Entities;

namespace RmwCkpt.Cli.Tests;

/// <summary>`rmw_ckpt journal list|show` over logs that were written here.</summary>
public sealed class JournalCommandsTests : IDisposable
{
    private readonly string _parent = $"/dev/shm/rmw_ckpt-test-{Guid.NewGuid():n}";
    private readonly RunFolder _folder;

    public JournalCommandsTests()
    {
        Environment.SetEnvironmentVariable("RMW_CKPT_DIR", _parent);
        _folder = RunFolder.For(7);
        _folder.Ensure();
        Write(1, "/numbers", "/counter");
        Write(2, "/sums", "/relay");
        Write(3, "/relay", "/watcher");
    }

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("RMW_CKPT_DIR", null);
        Directory.Delete(_parent, recursive: true);
    }

    [Fact]
    public void All_logs_are_listed()
    {
        var (code, output, errors) = Run("journal", "list");
        Assert.Equal((0, ""), (code, errors));
        Assert.Contains("/numbers  /counter  messages", output, StringComparison.Ordinal);
        Assert.Equal(4, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Theory]
    [InlineData("/numbers", "/numbers")]
    [InlineData("numbers", "/numbers")]
    [InlineData("counter", "/numbers")]
    [InlineData("/relay", "/relay")]
    [InlineData("relay", "/sums")]
    public void Topics_are_found_without_their_slash_too_and_nodes_before_them(string asked, string topic)
    {
        var (code, output, _) = Run("journal", "show", asked);
        Assert.Equal(0, code);
        Assert.Contains($"published  {topic}  ", output, StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_is_damaged_is_named_and_the_others_are_shown()
    {
        Damage(2);
        var (code, output, errors) = Run("journal", "list");
        Assert.Equal(0, code);
        Assert.Contains("/numbers", output, StringComparison.Ordinal);
        Assert.DoesNotContain("/sums", output, StringComparison.Ordinal);
        Assert.Contains(Gid(2).ToString(), errors, StringComparison.Ordinal);
        (code, output, errors) = Run("journal", "show", "numbers");
        Assert.Equal(0, code);
        Assert.Contains("published  /numbers", output, StringComparison.Ordinal);
        Assert.Contains(Gid(2).ToString(), errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_all_are_damaged_that_is_a_failure()
    {
        Damage(1);
        Damage(2);
        Damage(3);
        Assert.Equal(1, Run("journal", "list").Code);
        Assert.Equal(1, Run("journal", "show", "numbers").Code);
    }

    private static Gid Gid(uint number) => new(9, number, 7);

    private void Write(uint number, string topic, string node)
    {
        using var writer = LogWriter.Open(_folder.Log(Gid(number)), new FixedLimits(1 << 20), 0, x => EndpointHead.Write(
            x, Gid(number), 1, EntityKind.Publisher, number, Qos.Default, null, topic, "std_msgs/msg/Int64", node));
        writer.Commit(writer.Reserve(12), 12, 0, 1, 1_000_000, default, out _);
    }

    private void Damage(uint number)
    {
        using var head = File.OpenWrite((_folder.Log(Gid(number)) / LogHead.FileName).FullName);
        head.Write(new byte[64]);
    }

    private static (int Code, string Output, string Errors) Run(params string[] args)
    {
        var (before, beforeErrors) = (Console.Out, Console.Error);
        using var output = new StringWriter(new StringBuilder());
        using var errors = new StringWriter(new StringBuilder());
        Console.SetOut(output);
        Console.SetError(errors);
        try
        {
            return (CommandLine.Run([.. args, "--domain", "7"]), output.ToString(), errors.ToString());
        }
        finally
        {
            Console.SetOut(before);
            Console.SetError(beforeErrors);
        }
    }
}
