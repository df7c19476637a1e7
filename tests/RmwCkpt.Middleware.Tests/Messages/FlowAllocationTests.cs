using RmwCkpt.Domain;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Tests.Messages;

/// <summary>That what happens for each message leaves nothing for a collector, which would stop every thread of the node.</summary>
public sealed class FlowAllocationTests : IDisposable
{
    /// <summary>As many as there are in all.</summary>
    private const int Calls = Allocations.Calls;

    private readonly LoneSession _domain = new();

    private Session Session => _domain.Session;

    public void Dispose() => _domain.Dispose();

    [Fact]
    public void Publishing_allocates_nothing()
    {
        var publisher = _domain.Publish(Qos.Default);
        var said = 0L;
        Allocations.AssertNone(Session, publisher, () =>
        {
            publisher.Outbox!.Begin(null, 8).Write(0, said);
            said = publisher.Outbox.End(8);
        });
        Assert.Equal(Calls, said);
    }

    [Fact]
    public void Publishing_waiting_and_taking_allocate_nothing()
    {
        var publisher = _domain.Publish(Qos.Default);
        var subscription = _domain.Subscribe(Qos.Default);
        Assert.True(Session.Logs.TryRead(subscription, publisher.Gid));
        var guards = Enumerable.Range(0, 3).Select(_ => Session.Maker.CreateGuard()).ToArray();
        uint[] ids = [subscription.Id, .. guards.Select(x => x.Id)];
        var ready = new byte[ids.Length];
        var heard = 0;
        Allocations.AssertNone(Session, publisher, () =>
        {
            LoneSession.Say(publisher, 1);
            heard += Session.Waiter.Wait(ids, ready, -1, guards.Length) == Code.Ok && LoneSession.Take(subscription) ? 1 : 0;
        });
        Assert.Equal(Calls, heard);
    }

    [Fact]
    public void Taking_where_there_is_nothing_allocates_nothing()
    {
        var publisher = _domain.Publish(Qos.Default);
        var subscription = _domain.Subscribe(Qos.Default);
        Assert.True(Session.Logs.TryRead(subscription, publisher.Gid));
        var heard = 0;
        Allocations.AssertNone(Session, null, () => heard += LoneSession.Take(subscription) ? 1 : 0);
        Assert.Equal(0, heard);
        LoneSession.Say(publisher, 1);
        Assert.True(LoneSession.Take(subscription));
    }

    [Fact]
    public void Waiting_with_one_ready_allocates_nothing()
    {
        var guard = Session.Maker.CreateGuard();
        uint[] ids = [guard.Id];
        var ready = new byte[1];
        var reported = 0;
        Allocations.AssertNone(Session, null, () =>
        {
            guard.Trigger();
            reported += Session.Waiter.Wait(ids, ready, -1) == Code.Ok ? ready[0] : 0;
        });
        Assert.Equal(Calls, reported);
    }

    [Fact]
    public void Waiting_with_nothing_allocates_nothing()
    {
        uint[] ids = [Session.Maker.CreateGuard().Id, _domain.Subscribe(Qos.Default).Id];
        var ready = new byte[2];
        var inVain = 0;
        Allocations.AssertNone(Session, null, () => inVain += Session.Waiter.Wait(ids, ready, 0) == Code.Timeout ? 1 : 0);
        Assert.Equal(Calls, inVain);
    }

    [Fact]
    public void Reading_clocks_allocates_nothing()
    {
        var journal = Session.ReplayJournal;
        var last = 0L;
        Allocations.AssertNone(Session, null, () =>
        {
            lock (journal.Gate)
            {
                last = journal.ReadClock(0, journal.Clock.Now);
            }
        });
        Assert.NotEqual(0, last);
    }

    [Fact]
    public void Counting_for_callbacks_allocates_nothing()
    {
        var publisher = _domain.Publish(Qos.Default);
        var subscription = _domain.Subscribe(Qos.Default);
        Assert.True(Session.Logs.TryRead(subscription, publisher.Gid));
        var count = 0;
        Session.Callbacks.Set(subscription, n => Interlocked.Add(ref count, n));
        uint[] ids = [subscription.Id];
        byte[] ready = [1];
        Allocations.AssertNone(Session, publisher, () =>
        {
            LoneSession.Say(publisher, 1);
            Session.Callbacks.Announce(ids, ready);
        });
        Session.Callbacks.Set(subscription, null);
        Assert.True(count > 0);
    }
}
