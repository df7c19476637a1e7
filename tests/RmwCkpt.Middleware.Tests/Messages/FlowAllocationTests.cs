using RmwCkpt.Domain;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Tests.Messages;

/// <summary>That what happens for each message leaves nothing for a collector, which would stop every thread of the node.</summary>
public sealed class FlowAllocationTests : IDisposable
{
    private readonly LoneSession _domain = new();

    private Session Session => _domain.Session;

    public void Dispose() => _domain.Dispose();

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
        AllocatesNothing(() =>
        {
            LoneSession.Say(publisher, 1);
            heard += Session.Waiter.Wait(ids, ready, -1, guards.Length) == Code.Ok && LoneSession.Take(subscription) ? 1 : 0;
            heard -= LoneSession.Take(subscription) ? 1 : 0;
        });
        Assert.True(heard > 0);
    }

    [Fact]
    public void Triggers_and_waits_in_vain_allocate_nothing()
    {
        var guard = Session.Maker.CreateGuard();
        uint[] ids = [guard.Id];
        var ready = new byte[1];
        var reported = 0;
        AllocatesNothing(() =>
        {
            guard.Trigger();
            reported += Session.Waiter.Wait(ids, ready, -1) == Code.Ok ? 1 : 0;
            reported -= Session.Waiter.Wait(ids, ready, 0) == Code.Ok ? 1 : 0;
        });
        Assert.True(reported > 0);
    }

    [Fact]
    public void Reading_clocks_allocates_nothing()
    {
        var life = Session.ReplayJournal;
        var last = 0L;
        AllocatesNothing(() =>
        {
            lock (life.Gate)
            {
                last = life.ReadClock(0, life.Clock.Now);
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
        AllocatesNothing(() =>
        {
            LoneSession.Say(publisher, 1);
            Session.Callbacks.Announce(ids, ready);
        });
        Session.Callbacks.Set(subscription, null);
        Assert.True(count > 0);
    }

    /// <summary>In the steady state: now and then a file is begun, which allocates.</summary>
    private static void AllocatesNothing(Action step)
    {
        var least = long.MaxValue;
        for (var window = 0; window < 10; window++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++)
            {
                step();
            }
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        Assert.Equal(0, least);
    }
}
