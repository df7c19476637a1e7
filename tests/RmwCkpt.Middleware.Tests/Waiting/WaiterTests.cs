using RmwCkpt.Domain;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Tests.Waiting;

/// <summary>What a wait reports, and what it consumes.</summary>
public sealed class WaiterTests : IDisposable
{
    private const long Long = 20_000_000_000;
    private readonly LoneSession _domain = new();

    private Session Session => _domain.Session;

    public void Dispose() => _domain.Dispose();

    [Fact]
    public void Nothing_is_ready_at_first_nor_what_is_not_there()
    {
        var guard = Session.Maker.CreateGuard();
        var ready = new byte[] { 1, 1 };
        Assert.Equal(Code.Timeout, Session.Waiter.Wait([guard.Id, 4711], ready, timeout: 0));
        Assert.Equal([0, 0], ready);
        Assert.Equal(Code.Timeout, Session.Waiter.Wait([], [], timeout: 1));
    }

    [Fact]
    public void A_trigger_is_reported_once()
    {
        var (one, two) = (Session.Maker.CreateGuard(), Session.Maker.CreateGuard());
        two.Trigger();
        two.Trigger();
        var ready = new byte[2];
        Assert.Equal(Code.Ok, Session.Waiter.Wait([one.Id, two.Id], ready, Long));
        Assert.Equal([0, 1], ready);
        Assert.Equal(Code.Timeout, Session.Waiter.Wait([one.Id, two.Id], ready, timeout: 0));
        Assert.Equal([0, 0], ready);
    }

    [Fact]
    public void Of_thousands_of_guards_the_triggered_one_is_found()
    {
        var guards = Enumerable.Range(0, 2000).Select(_ => Session.Maker.CreateGuard()).ToArray();
        guards[1234].Trigger();
        var ready = new byte[guards.Length];
        Assert.Equal(Code.Ok, Session.Waiter.Wait([.. guards.Select(x => x.Id)], ready, Long, guards.Length));
        Assert.Equal([1234], Enumerable.Range(0, ready.Length).Where(i => ready[i] != 0));
    }

    [Fact]
    public void A_message_is_reported_until_it_is_taken()
    {
        var publisher = _domain.Publish(Qos.Default);
        var subscription = _domain.Subscribe(Qos.Default);
        Assert.True(Session.Logs.TryRead(subscription, publisher.Gid));
        LoneSession.Say(publisher, 1);
        var ready = new byte[1];
        Assert.Equal(Code.Ok, Session.Waiter.Wait([subscription.Id], ready, Long));
        Assert.Equal(Code.Ok, Session.Waiter.Wait([subscription.Id], ready, Long));
        Assert.Equal(1, LoneSession.Hear(subscription));
        Assert.Equal(Code.Timeout, Session.Waiter.Wait([subscription.Id], ready, timeout: 0));
    }

    [Fact]
    public async Task Who_sleeps_is_woken_by_each_of_many_triggers()
    {
        const int Times = 200;
        var (ping, pong) = (Session.Maker.CreateGuard(), Session.Maker.CreateGuard());
        var other = Task.Run(() => Enumerable.Range(0, Times).All(_ => Answer(ping, pong)));
        for (var i = 0; i < Times; i++)
        {
            ping.Trigger();
            Assert.True(IsTold(pong));
        }
        Assert.True(await other);
    }

    private bool Answer(Guard ping, Guard pong)
    {
        var told = IsTold(ping);
        pong.Trigger();
        return told;
    }

    private bool IsTold(Guard guard) => Session.Waiter.Wait([guard.Id], new byte[1], Long) == Code.Ok;
}
