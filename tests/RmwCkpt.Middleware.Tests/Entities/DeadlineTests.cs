using RmwCkpt.Middleware.Entities;

namespace RmwCkpt.Middleware.Tests.Entities;

public class DeadlineTests
{
    private const long Period = 100;

    [Fact]
    public void It_begins_with_the_first_message()
    {
        var deadline = new Deadline(Period);

        Assert.Equal(0, deadline.Missed(1_000_000, 0));
        Assert.Equal(long.MaxValue, deadline.NextDue);
    }

    [Theory]
    [InlineData(1099, 0)]
    [InlineData(1100, 1)]
    [InlineData(1199, 1)]
    [InlineData(1350, 3)]
    public void Each_whole_period_without_a_message_counts(long time, long missed)
    {
        var deadline = new Deadline(Period);
        deadline.Happened(1000);

        Assert.Equal(missed, deadline.Missed(time, 0));
        Assert.Equal(missed, deadline.Missed(time, 0)); // once
    }

    [Fact]
    public void A_message_begins_the_period_anew_and_does_not_hide_what_was_missed()
    {
        var deadline = new Deadline(Period);
        deadline.Happened(1000);
        deadline.Happened(1090);
        Assert.Equal(0, deadline.Missed(1180, 0));
        deadline.Happened(1250); // due at 1190

        Assert.Equal(1, deadline.Missed(1260, 0));
        Assert.Equal(1350, deadline.NextDue);
    }

    [Fact]
    public void A_message_that_waits_to_be_taken_is_in_time()
    {
        var deadline = new Deadline(Period);
        deadline.Happened(1000);

        Assert.Equal(0, deadline.Missed(1150, newest: 1080));
        Assert.Equal(1, deadline.Missed(1190, newest: 1080));
        deadline.Happened(1080);
        Assert.Equal(1, deadline.Missed(1200, newest: 1080));
    }
}
