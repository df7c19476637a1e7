using System.Globalization;
using RmwCkpt.Cli.Export;
using RmwCkpt.Cli.Journals;
using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Entities;

namespace RmwCkpt.Cli.Tests;

/// <summary>`rmw_ckpt journal export` where something is wrong; what is in the file others read (tests/ros/test_export.py).</summary>
[Collection("console")]
public sealed class JournalExportTests : JournalTest
{
    private string File_ => Path.Combine(Other, "out.mcap");

    [Fact]
    public void The_file_that_was_there_is_replaced_and_nothing_else_is_left()
    {
        File.WriteAllText(File_, "what was there");
        var (code, output, errors) = Run("journal", "export", "-o", File_);
        Assert.Equal((0, ""), (code, errors));
        Assert.StartsWith("3 messages in ", output, StringComparison.Ordinal);
        Assert.Equal([File_], Directory.GetFiles(Other));
        var bytes = File.ReadAllBytes(File_);
        Assert.True(bytes.AsSpan().StartsWith(Mcap.Magic) && bytes.AsSpan().EndsWith(Mcap.Magic));
    }

    [Theory]
    [InlineData("no/such/folder/out.mcap", "cannot write")]
    [InlineData("/dev/full", "no regular file")]
    [InlineData(".", "no regular file")]
    public void Where_it_cannot_write_it_says_so(string path, string said)
    {
        var (code, _, errors) = Run("journal", "export", "-o", Path.Combine(Other, path));
        Assert.Equal(1, code);
        Assert.Contains(said, errors, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Other));
    }

    [Theory]
    [InlineData("--topics", "(", "--topics: Invalid pattern '('")]
    [InlineData("--from", "yesterday", "--from yesterday is no time")]
    [InlineData("--to", "25:00", "--to 25:00 is no time")]
    [InlineData("--compression", "zip", "--compression zip")]
    public void What_cannot_be_meant_is_a_matter_of_usage(string option, string value, string said)
    {
        var (code, _, errors) = Run("journal", "export", "-o", File_, option, value);
        Assert.Equal(2, code);
        Assert.Contains(said, errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("an MCAP file needs a name")]
    [InlineData("two formats", "--csv", "--json")]
    public void A_format_that_is_not_clear_is_a_matter_of_usage(string said, params string[] options)
    {
        var (code, _, errors) = Run(["journal", "export", .. options]);
        Assert.Equal(2, code);
        Assert.Contains(said, errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_say_what_cannot_be_read_and_quote_what_has_commas()
    {
        Folder.MasterLog.WriteAll("1970-01-01 00:00:02.000000 WARN  [master] \"/arm\" died, alone\n"u8);
        var (code, _, errors) = Run("journal", "export", "-o", File_, "--csv", "--topics", "numbers");
        Assert.Equal((0, ""), (code, errors));
        Assert.Equal(
            [
                "time,topic,kind,type,published_by,sequence,message,error",
                "1000000000,/numbers,messages,std_msgs/msg/Int64,/counter,1,,\"12 bytes of std_msgs/msg/Int64, whose description is not known\"",
                "2000000000,/rmw_ckpt/events,events,rcl_interfaces/msg/Log,master.master,1,\"{\"\"level\"\":30,\"\"msg\"\":\"\"\\\"\"/arm\\\"\" died, alone\"\"}\",",
            ], File.ReadAllLines(File_));
    }

    [Theory]
    [InlineData("--topics", "number", "did you mean /numbers?")]
    [InlineData("--node", "/rely", "did you mean /relay?")]
    public void A_name_that_nobody_has_is_said_with_the_nearest(string option, string value, string said)
    {
        var (code, _, errors) = Run("journal", "export", "-o", File_, option, value);
        Assert.Equal(1, code);
        Assert.Contains(said, errors, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Other));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public void Messages_that_are_damaged_are_named_and_the_others_are_exported(int damaged)
    {
        Write(4, "/many", "/talker", messages: 5);
        FlipBit(Folder.Log(Gid(4)) / "0", PlaceOf(damaged) + Frame.HeadSize);
        var (code, output, errors) = Run("journal", "export", "-o", File_, "--topics", "many");
        Assert.Equal(0, code);
        Assert.StartsWith("4 messages in ", output, StringComparison.Ordinal);
        Assert.Contains($"message {damaged} of /talker on /many: missing", errors, StringComparison.Ordinal);
        Assert.Contains($"damaged: {Folder.Log(Gid(4)) / "0"}, byte {PlaceOf(damaged)}: message {damaged} ", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_log_whose_head_is_damaged_is_named_and_the_others_are_exported()
    {
        DamageHead(2);
        var (code, output, errors) = Run("journal", "export", "-o", File_);
        Assert.Equal(0, code);
        Assert.StartsWith("2 messages in ", output, StringComparison.Ordinal);
        Assert.Contains(Gid(2).ToString(), errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_publishers_messages_keep_their_order_for_who_goes_by_time()
    {
        using (var writer = LogWriter.Open(Folder.Log(Gid(4)), new FixedLimits(1 << 20), 0, x => EndpointHead.Write(
            x, Gid(4), 1, EntityKind.Publisher, 4, Qos.Default, null, "/many", "std_msgs/msg/Int64", "/talker")))
        {
            foreach (var time in new[] { 5, 5, 3, 9 })
            {
                writer.Commit(writer.Reserve(12), 12, 0, 1, time, default, out _);
            }
        }
        var catalog = new LogCatalog(Folder);
        using var merged = new MergedLogs(catalog, [.. catalog.All.Where(x => x.Topic == "/many")], Period.All);
        merged.Begin();
        var found = new List<(long Sequence, long Time, long Place)>();
        while (merged.TryNext(out var message))
        {
            found.Add((message.Sequence, message.Time, message.Place));
        }
        Assert.Equal([(1, 5, 5), (2, 5, 6), (3, 3, 7), (4, 9, 9)], found);
    }

    [Theory]
    [InlineData("--from", "3", 3)]
    [InlineData("--to", "2.5", 2)]
    public void A_period_is_of_messages_times(string option, string value, int messages)
    {
        Write(4, "/many", "/talker", messages: 5);
        var (_, output, _) = Run("journal", "export", "-o", File_, "--topics", "many", option, value);
        Assert.StartsWith($"{messages} messages in ", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1.5", 1_500_000_000L)]
    [InlineData("1970-01-01T00:00:02Z", 2_000_000_000L)]
    [InlineData("90s", 999_910_000_000_000)]
    [InlineData("1.5m", 999_910_000_000_000)]
    [InlineData("2h", 992_800_000_000_000)]
    [InlineData("-5", null)]
    [InlineData("1e5", null)]
    [InlineData("99999999999", null)]
    [InlineData("99999999999h", null)]
    [InlineData("", null)]
    public void Moments_are_written_in_several_ways(string text, long? time) =>
        Assert.Equal(time, Period.ParseTime(text, DateTime.UnixEpoch.AddSeconds(1_000_000)));

    [Fact]
    public void A_time_of_day_is_todays()
    {
        var noon = DateTime.Today.AddHours(12);
        var expected = (noon.AddSeconds(7.5).ToUniversalTime() - DateTime.UnixEpoch).Ticks * 100;
        Assert.Equal(expected, Period.ParseTime("12:00:07.5", noon.AddHours(3).ToUniversalTime()));
        Assert.Equal(expected, Period.ParseTime(noon.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) + "T12:00:07.5", noon.ToUniversalTime()));
    }

    [Fact]
    public void What_masters_have_logged_are_events()
    {
        (Folder.MasterLog + ".1").WriteAll("2026-11-29 14:03:00.000001 WARN  [master] /arm died\n"u8);
        Folder.MasterLog.WriteAll("2026-11-29 14:03:00.250000 ERROR [master] it failed\n  at a line\nno time\n"u8);
        var events = MasterLog.Read(Folder);
        Assert.Equal(
            [
                new RunEvent(1_795_960_980_000_001_000, Severity.Warning, "master.master", "/arm died"),
                new RunEvent(1_795_960_980_250_000_000, Severity.Error, "master.master", "it failed\n  at a line\nno time"),
            ], events);
    }
}
