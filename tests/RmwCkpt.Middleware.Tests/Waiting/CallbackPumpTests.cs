using RmwCkpt.Domain;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Tests.Waiting;

/// <summary>Callbacks for arrivals, and what a program may do in them.</summary>
public sealed class CallbackPumpTests : IDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(20);
    private readonly LoneSession _domain = new();

    private Session Session => _domain.Session;

    public void Dispose() => _domain.Dispose();

    [Fact]
    public void They_count_what_was_there_and_what_comes()
    {
        var (publisher, subscription) = Pair();
        LoneSession.Say(publisher, 1);
        LoneSession.Say(publisher, 2);
        var count = 0;
        using var came = new SemaphoreSlim(0);
        Session.Callbacks.Set(subscription, n =>
        {
            Interlocked.Add(ref count, n);
            came.Release();
        });
        Assert.Equal(2, Volatile.Read(ref count));
        Assert.True(came.Wait(s_soon));
        LoneSession.Say(publisher, 3);
        Session.RingSelf();
        Assert.True(came.Wait(s_soon));
        Assert.Equal(3, Volatile.Read(ref count));
        Session.Callbacks.Set(subscription, null);
    }

    [Fact]
    public async Task They_are_called_without_a_lock_that_others_need()
    {
        var (publisher, subscription) = Pair();
        var (_, another) = Pair();
        using var called = new SemaphoreSlim(0);
        using var done = new SemaphoreSlim(0);
        Session.Callbacks.Set(subscription, _ =>
        {
            called.Release();
            // As a program's lock would be that the other thread holds.
            Assert.True(done.Wait(s_soon));
        });
        LoneSession.Say(publisher, 1);
        Session.RingSelf();
        Assert.True(called.Wait(s_soon));
        var other = Task.Run(() =>
        {
            lock (Session.ReplayJournal.Gate)
            {
                Session.Callbacks.Set(another, _ => { });
                Session.Callbacks.Set(another, null);
            }
        });
        var first = await Task.WhenAny(other, Task.Delay(s_soon / 2));
        done.Release();
        Assert.Same(other, first);
        await other;
    }

    [Fact]
    public async Task One_that_is_taken_away_is_not_running_any_more()
    {
        var (publisher, subscription) = Pair();
        using var called = new SemaphoreSlim(0);
        using var done = new SemaphoreSlim(0);
        var running = false;
        Session.Callbacks.Set(subscription, _ =>
        {
            Volatile.Write(ref running, true);
            called.Release();
            done.Wait(s_soon);
            Volatile.Write(ref running, false);
        });
        LoneSession.Say(publisher, 1);
        Session.RingSelf();
        Assert.True(called.Wait(s_soon));
        var away = Task.Run(() =>
        {
            Session.Callbacks.Set(subscription, null);
            return Volatile.Read(ref running);
        });
        done.Release();
        Assert.False(await away);
        LoneSession.Say(publisher, 2);
        Session.RingSelf();
        Assert.Equal(0, called.CurrentCount);
    }

    [Fact]
    public void One_may_take_itself_away()
    {
        var (publisher, subscription) = Pair();
        using var called = new SemaphoreSlim(0);
        LoneSession.Say(publisher, 1);
        Session.Callbacks.Set(subscription, _ =>
        {
            Session.Callbacks.Set(subscription, null);
            called.Release();
        });
        Assert.Equal(1, called.CurrentCount);
    }

    [Fact]
    public void Who_is_told_by_a_wait_was_called_back()
    {
        var (publisher, subscription) = Pair();
        var count = 0;
        Session.Callbacks.Set(subscription, n => Interlocked.Add(ref count, n));
        for (var i = 1; i <= 100; i++)
        {
            LoneSession.Say(publisher, i);
            Session.Callbacks.Announce([subscription.Id], [1]);
            Assert.Equal(i, Volatile.Read(ref count));
        }
        Session.Callbacks.Set(subscription, null);
    }

    [Fact]
    public void In_a_replay_each_take_is_announced_while_the_journal_is_free()
    {
        var (publisher, subscription) = Pair();
        LoneSession.Say(publisher, 1);
        Assert.Equal(1, LoneSession.Hear(subscription));
        publisher.Close();
        subscription.Close();
        var life = new LoneSession(of: _domain);
        var next = life.Session;
        life.Publish(Qos.Default);
        var again = life.Subscribe(Qos.Default);
        using var called = new SemaphoreSlim(0);
        var free = false;
        next.Callbacks.Set(again, _ =>
        {
            var other = new Thread(() =>
            {
                lock (next.ReplayJournal.Gate)
                {
                    Volatile.Write(ref free, true);
                }
            });
            other.Start();
            other.Join(s_soon / 2);
            called.Release();
        });
        Assert.True(called.Wait(s_soon));
        Assert.True(Volatile.Read(ref free));
    }

    private (Endpoint Publisher, Endpoint Subscription) Pair()
    {
        var publisher = _domain.Publish(Qos.Default);
        var subscription = _domain.Subscribe(Qos.Default);
        Assert.True(Session.Logs.TryRead(subscription, publisher.Gid));
        return (publisher, subscription);
    }
}
