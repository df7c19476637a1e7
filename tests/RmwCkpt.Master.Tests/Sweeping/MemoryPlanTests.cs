using FsCheck.Xunit;
using RmwCkpt.Log;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Master.Sweeping;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Master.Tests.Sweeping;

public sealed class MemoryPlanTests
{
    [Fact]
    public void The_budget_is_a_quarter_unless_asked_for_and_never_all()
    {
        Assert.Equal(16L << 20, MemoryPlan.Budget(null, 64L << 20));
        Assert.Equal(20_000_000, MemoryPlan.Budget(20_000_000, 64L << 20));
        Assert.InRange(MemoryPlan.Budget(1L << 40, 64L << 20), 57L << 20, 58L << 20);
    }

    [Fact]
    public void What_is_kept_from_others_is_little_of_the_budget()
    {
        Assert.Equal(4L << 20, MemoryPlan.Spare(1L << 30));
        Assert.Equal(2L << 20, MemoryPlan.Spare(16L << 20));
    }

    [Property]
    public void What_is_shared_out_fits_where_all_can_have_the_least(uint[] sizes, uint room)
    {
        var most = (long)room + (sizes.Length * ILogLimits.Least * 2);
        var share = MemoryPlan.Share(most, sizes.Select(x => (long)x));
        Assert.True(share >= ILogLimits.Least);
        Assert.True(sizes.Sum(x => Math.Min(x, share)) <= most);
    }

    [Fact]
    public void Those_that_need_little_leave_it_to_the_others()
    {
        var room = 100L << 20;
        var small = Enumerable.Repeat(20_000L, 100);
        Assert.InRange(MemoryPlan.Share(room, small.Append(50L << 20)), 70L << 20, 94L << 20);
        Assert.InRange(MemoryPlan.Share(room, small.Concat([90L << 20, 90L << 20])), 35L << 20, 50L << 20);
        Assert.Equal(ILogLimits.Least, MemoryPlan.Share(0, [1 << 20, 1 << 20]));
        Assert.True(MemoryPlan.Share(room, []) > 90L << 20);
    }

    /// <summary>200 nodes with 10 busy publishers each.</summary>
    [Fact]
    public void Many_busy_logs_stay_in_the_budget()
    {
        var budget = 1L << 30;
        var logs = Enumerable.Repeat(16L * 1024, 2000).ToArray();
        for (var second = 0; second < 100; second++)
        {
            var share = MemoryPlan.Share(budget, logs);
            // Each writes more than it may keep.
            logs = [.. logs.Select(x => Math.Min(x + (1 << 20), share))];
        }
        Assert.InRange(logs.Sum(), budget / 2, budget);
    }

    [Theory]
    [InlineData("1000", 1000)]
    [InlineData("1e9", 1_000_000_000)]
    [InlineData("64M", 64L << 20)]
    [InlineData("64MiB", 64L << 20)]
    [InlineData("0.5 GiB", 1L << 29)]
    [InlineData("2k", 2048)]
    [InlineData(" 3T ", 3L << 40)]
    public void Bytes_are_read_as_they_are_written(string text, long bytes)
    {
        Assert.True(ByteSize.TryParse(text, out var read));
        Assert.Equal(bytes, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("soon")]
    [InlineData("-1")]
    [InlineData("0")]
    [InlineData("NaN")]
    [InlineData("1e99")]
    [InlineData("1iB")]
    [InlineData("K")]
    [InlineData("5MB")]
    public void What_is_no_number_of_bytes_is_refused(string text) => Assert.False(ByteSize.TryParse(text, out _));

    [Fact]
    public void The_interval_follows_the_time_frozen_unless_it_was_asked_for()
    {
        var auto = new Policy();
        var second = 1_000_000_000L;
        Assert.Equal(10 * second, SnapshotTiming.Interval(auto, second / 20));
        Assert.Equal(70 * second, SnapshotTiming.Interval(auto, 7 * second / 10));
        Assert.Equal(70 * second, SnapshotTiming.Pause(auto, 7 * second / 10));
        Assert.Equal(0, SnapshotTiming.PartFrozen(auto, 7 * second / 10));
        var asked = new Policy { Interval = 2 };
        Assert.Equal(2 * second, SnapshotTiming.Interval(asked, 7 * second / 10));
        Assert.Equal(2 * second, SnapshotTiming.Pause(asked, 7 * second / 10));
        Assert.Equal(second, SnapshotTiming.Pause(asked, second / 100));
        Assert.Equal(0.35, SnapshotTiming.PartFrozen(asked, 7 * second / 10), 3);
        Assert.Equal(0, SnapshotTiming.Interval(new Policy { Interval = 0 }, second));
    }
}
