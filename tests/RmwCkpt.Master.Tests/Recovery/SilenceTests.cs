using RmwCkpt.Master.Recovery;

namespace RmwCkpt.Master.Tests.Recovery;

public sealed class SilenceTests
{
    private const long Died = 1000 * Clock.Second;

    [Fact]
    public void It_ends_with_the_first_new_message_be_that_before_all_is_caught_up_with()
    {
        Assert.Equal(112, Silence.Of(Died, Died + 622, Died + 112));
        Assert.Equal(4 * Clock.Second, Silence.Of(Died, Died + 76, Died + (4 * Clock.Second)));
    }

    [Fact]
    public void Who_says_nothing_was_silent_until_it_was_live()
    {
        Assert.Equal(622, Silence.Of(Died, Died + 622, 0));
        // Of an incarnation before.
        Assert.Equal(622, Silence.Of(Died, Died + 622, Died - 5));
        Assert.Equal(622, Silence.Of(Died, Died + 622, Died + 622 + Silence.NothingToSay));
    }

    [Fact]
    public void There_is_none_before_it_is_live() => Assert.Equal(0, Silence.Of(Died, Died - 1, Died + 5));
}
