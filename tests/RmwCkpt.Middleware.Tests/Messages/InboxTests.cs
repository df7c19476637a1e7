using RmwCkpt.Domain;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Tests.Messages;

/// <summary>What a subscription gets of what was published.</summary>
public sealed class InboxTests : IDisposable
{
    private static readonly Qos s_latched = Qos.Default with { Durability = Durability.TransientLocal };
    private readonly LoneSession _domain = new();

    private Session Session => _domain.Session;

    public void Dispose() => _domain.Dispose();

    [Fact]
    public void Each_message_is_heard_once_in_order()
    {
        var publisher = _domain.Publish(Qos.Default);
        var subscription = Read(Qos.Default, publisher);
        Assert.Null(LoneSession.Hear(subscription));
        Say(publisher, 1, 3);
        Assert.Equal([1, 2, 3], LoneSession.HearAll(subscription));
    }

    [Fact]
    public void Of_several_publishers_the_earliest_is_heard_first()
    {
        var (one, two) = (_domain.Publish(Qos.Default), _domain.Publish(Qos.Default));
        var subscription = Read(Qos.Default, one, two);
        foreach (var number in new[] { 1, 2, 3, 4 })
        {
            LoneSession.Say(number % 2 == 0 ? two : one, number);
        }
        Assert.Equal([1, 2, 3, 4], LoneSession.HearAll(subscription));
    }

    [Fact]
    public void Who_is_slow_gets_the_newest_and_that_is_counted()
    {
        var publisher = _domain.Publish(Qos.Default);
        var subscription = Read(Qos.Default with { Depth = 2 }, publisher);
        Say(publisher, 1, 5);
        Assert.Equal([4, 5], LoneSession.HearAll(subscription));
        Assert.Equal(3, subscription.Inbox!.Dropped);
    }

    [Fact]
    public void A_snapshot_of_anyone_excuses_the_slow()
    {
        var publisher = _domain.Publish(Qos.Default);
        var subscription = Read(Qos.Default with { Depth = 2 }, publisher);
        Session.Table.Domain.Release(ProcessTable.Freezing, 1u);
        Say(publisher, 1, 5);
        Assert.Equal([1, 2, 3, 4, 5], LoneSession.HearAll(subscription));
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(-1_000_000_000, 2)]
    [InlineData(3_600_000_000_000, 2)]
    public void So_it_does_a_little_longer_by_a_clock_that_nobody_sets(long since, int heard)
    {
        var publisher = _domain.Publish(Qos.Default);
        var subscription = Read(Qos.Default with { Depth = 2 }, publisher);
        Session.Table.Domain.Release(ProcessTable.FreezeEnd, Session.ReplayJournal.Clock.Steady + since);
        Say(publisher, 1, 5);
        Assert.Equal(heard, LoneSession.HearAll(subscription).Count);
    }

    [Fact]
    public void Nothing_excuses_who_gets_more_than_it_asked_for_of_what_was_there_before_it()
    {
        var publisher = _domain.Publish(s_latched with { Depth = 3 });
        Say(publisher, 1, 10);
        Session.Table.Domain.Release(ProcessTable.Freezing, 1u);
        Assert.Equal([10], LoneSession.HearAll(Read(s_latched with { Depth = 1 }, publisher)));
        Assert.Equal([8, 9, 10], LoneSession.HearAll(Read(s_latched with { Depth = 5 }, publisher)));
        Assert.Equal([8, 9, 10], LoneSession.HearAll(Read(s_latched with { History = History.KeepAll }, publisher)));
    }

    [Fact]
    public void Nor_of_what_several_had_said_or_is_said_while_it_comes()
    {
        var (one, two) = (_domain.Publish(s_latched), _domain.Publish(s_latched));
        Say(one, 1, 3);
        Say(two, 4, 6);
        Session.Table.Domain.Release(ProcessTable.Freezing, 1u);
        Assert.Equal([5, 6], LoneSession.HearAll(Read(s_latched with { Depth = 2 }, one, two)));
        var subscription = Read(s_latched with { Depth = 2 }, one, two);
        subscription.Inbox!.Credit();
        Say(one, 7, 9);
        Assert.Equal([7, 8, 9], LoneSession.HearAll(subscription));
        Assert.Equal(0, subscription.Inbox.Dropped);
    }

    /// <summary>A subscription that reads these from now on.</summary>
    private Endpoint Read(Qos qos, params Endpoint[] publishers)
    {
        var subscription = _domain.Subscribe(qos);
        Assert.All(publishers, x => Assert.True(Session.Logs.TryRead(subscription, x.Gid)));
        return subscription;
    }

    private static void Say(Endpoint publisher, long from, long to)
    {
        for (var number = from; number <= to; number++)
        {
            LoneSession.Say(publisher, number);
        }
    }
}
