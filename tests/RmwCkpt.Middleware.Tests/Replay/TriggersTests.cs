using RmwCkpt.Middleware.Replay;

namespace RmwCkpt.Middleware.Tests.Replay;

public sealed class TriggersTests
{
    private const uint Guard = 7;

    [Fact]
    public void One_that_is_waited_for_in_vain_three_times_in_a_row_is_waited_for_no_more()
    {
        var triggers = new Triggers();
        for (var i = 0; i < 3; i++)
        {
            Assert.True(triggers.IsAwaited(Guard, isOver: false));
            Assert.False(triggers.IsAwaited(Guard, isOver: true));
            triggers.NoteTold(Guard);
        }
        Assert.False(triggers.IsAwaited(Guard, isOver: false));
        Assert.True(triggers.IsAwaited(Guard + 1, isOver: false));
        triggers.Clear();
        Assert.True(triggers.IsAwaited(Guard, isOver: false));
    }

    [Fact]
    public void One_that_comes_in_time_is_waited_for_as_at_first()
    {
        var triggers = new Triggers();
        for (var i = 0; i < 10; i++)
        {
            Assert.False(triggers.IsAwaited(Guard, isOver: true));
            triggers.NoteTold(Guard);
            triggers.NoteTold(Guard);
        }
        Assert.True(triggers.IsAwaited(Guard, isOver: false));
    }
}
