using RmwCkpt.Middleware.Waiting;

namespace RmwCkpt.Middleware.Tests.Waiting;

public sealed class FruitlessTests
{
    private static readonly uint[] s_ids = [3, 5, 9];
    private static readonly byte[] s_ready = [0, 1, 0];

    public FruitlessTests() => Fruitless.NoteTake();

    [Fact]
    public void The_same_again_is_paused_before_until_the_bell_rings_or_something_is_taken()
    {
        Assert.Equal(0, Fruitless.PauseBefore(1, s_ids, s_ready));
        Fruitless.NoteReport(1, s_ids, s_ready);
        Assert.InRange(Fruitless.PauseBefore(1, s_ids, s_ready), 1, 1_000_000);
        Assert.Equal(0, Fruitless.PauseBefore(2, s_ids, s_ready));
        Assert.Equal(0, Fruitless.PauseBefore(1, s_ids, [1, 1, 0]));
        Fruitless.NoteTake();
        Assert.Equal(0, Fruitless.PauseBefore(1, s_ids, s_ready));
    }

    [Fact]
    public void Pauses_grow_to_two_milliseconds()
    {
        var last = 0L;
        for (var i = 0; i < 20; i++)
        {
            Fruitless.NoteReport(1, s_ids, s_ready);
            var pause = Fruitless.PauseBefore(1, s_ids, s_ready);
            Assert.InRange(pause, last, 2_000_000);
            last = pause;
        }
        Assert.Equal(2_000_000, last);
    }
}
