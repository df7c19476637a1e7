using System.Net.Sockets;
using System.Text;
using RmwCkpt.Cli.Metrics;

namespace RmwCkpt.Cli.Tests;

/// <summary>How metrics are written and served; what they say of living nodes: tests/ros/test_command.py.</summary>
public sealed class MetricsTests
{
    [Fact]
    public void Families_have_their_type_unit_and_help_and_text_ends()
    {
        var metrics = new OpenMetrics();
        metrics.Gauge("memory_used_bytes", "What is used.", [("", 12.5)]);
        metrics.Counter("lost", "Lost ones.", [(OpenMetrics.Labels(("node", "/a"), ("process", "1f")), 1e10)]);
        Assert.Equal(
            "# TYPE rmw_ckpt_memory_used_bytes gauge\n# UNIT rmw_ckpt_memory_used_bytes bytes\n"
            + "# HELP rmw_ckpt_memory_used_bytes What is used.\nrmw_ckpt_memory_used_bytes 12.5\n"
            + "# TYPE rmw_ckpt_lost counter\n# HELP rmw_ckpt_lost Lost ones.\n"
            + "rmw_ckpt_lost_total{node=\"/a\",process=\"1f\"} 10000000000\n# EOF\n",
            metrics.Finish());
    }

    [Fact]
    public void What_has_a_meaning_in_a_label_is_escaped() =>
        Assert.Equal("{command=\"a \\\"b\\\" \\\\ \\n\"}", OpenMetrics.Labels(("command", "a \"b\" \\ \n")));

    [Theory]
    [InlineData("GET /metrics HTTP/1.1\r\n\r\n", "200 OK", "all is well")]
    [InlineData("GET / HTTP/1.0\r\nHost: x\r\n\r\n", "200 OK", "all is well")]
    [InlineData("HEAD / HTTP/1.1\r\n\r\n", "200 OK", "")]
    [InlineData("GET /other HTTP/1.1\r\n\r\n", "404 Not Found", "it is at /metrics\n")]
    [InlineData("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed", "GET it\n")]
    [InlineData("\r\n\r\n", "405 Method Not Allowed", "GET it\n")]
    public async Task Requests_are_answered(string request, string status, string body)
    {
        using var stop = new CancellationTokenSource();
        using var server = new MetricsServer(0, () => "all is well");
        var serving = server.Run(stop.Token);
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", server.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        using var reader = new StreamReader(stream);
        var answer = (await reader.ReadToEndAsync()).Split("\r\n\r\n", 2);
        Assert.StartsWith($"HTTP/1.1 {status}\r\n", answer[0], StringComparison.Ordinal);
        Assert.Equal(body, answer[1]);
        await stop.CancelAsync();
        await serving;
    }

    [Fact]
    public void A_port_that_is_taken_is_said()
    {
        using var first = new MetricsServer(0, () => "");
        var failure = Assert.Throws<CommandException>(() => new MetricsServer(first.Port, () => ""));
        Assert.Contains($"cannot listen on port {first.Port}", failure.Message, StringComparison.Ordinal);
    }
}
