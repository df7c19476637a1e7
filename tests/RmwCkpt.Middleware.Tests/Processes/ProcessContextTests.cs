using RmwCkpt.Domain;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Processes;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Tests.Processes;

/// <summary>Two processes' contexts in one, each in the same two domains, with all of their threads.</summary>
public sealed class ProcessContextTests : IDisposable
{
    private readonly PlayedMaster _first = new(41);
    private readonly PlayedMaster _second = new(42);
    private readonly ProcessContext _one = new();
    private readonly ProcessContext _other = new();
    private readonly List<Session> _sessions = [];

    public void Dispose()
    {
        _sessions.ForEach(x =>
        {
            x.ShutDown();
            x.Release();
        });
        _first.Dispose();
        _second.Dispose();
    }

    [Fact]
    public void Two_talk_as_processes_do()
    {
        var (one, other) = (Join(_one, _first), Join(_other, _first));
        Assert.NotEqual(one.SlotIndex, other.SlotIndex);
        var publisher = one.Maker.CreateEndpoint(EntityKind.Publisher, one.Maker.CreateNode("talker", "/", "/"), Numbers);
        var subscription = other.Maker.CreateEndpoint(EntityKind.Subscription, other.Maker.CreateNode("listener", "/", "/"), Numbers);
        Assert.Equal(publisher.Id, subscription.Id);
        Assert.True(other.Logs.TryRead(subscription, publisher.Gid));
        LoneSession.Say(publisher, 5);
        Span<byte> ready = stackalloc byte[1];
        Assert.Equal(Code.Ok, other.Waiter.Wait([subscription.Id], ready, 60_000_000_000));
        Assert.Equal([5L], LoneSession.HearAll(subscription));
        Assert.Equal(1, one.Slot.ReadInt64(ProcessTable.Published));
        Assert.Equal(0, other.Slot.ReadInt64(ProcessTable.Published));
    }

    [Fact]
    public void The_first_domain_of_each_is_its_own_primary_one()
    {
        var (one, other) = (Join(_one, _first), Join(_other, _second));
        var (secondary, otherSecondary) = (Join(_one, _second), Join(_other, _first));
        Assert.Null(one.Primary);
        Assert.Null(other.Primary);
        Assert.Same(one, secondary.Primary);
        Assert.Same(other, otherSecondary.Primary);
        Assert.Equal(other.ProcessId, otherSecondary.Slot.AcquireUInt64(ProcessTable.PrimaryProcess));

        one.ShutDown();
        Assert.Null(secondary.Primary);
        Assert.Same(other, otherSecondary.Primary);
    }

    [Fact]
    public void What_one_lends_and_when_it_is_frozen_is_its_own_affair()
    {
        var (one, other) = (Join(_one, _first), Join(_other, _first));
        _one.InUse.BeginLending();
        Assert.Equal((uint)LendingState.Shared, one.Slot.AcquireUInt32(ProcessTable.Lending));
        Assert.Equal((uint)LendingState.None, other.Slot.AcquireUInt32(ProcessTable.Lending));
        other.Slot.Write(ProcessTable.Freezing, 1u);
        Assert.False(_one.InUse.AreFreezing);
        Assert.True(_other.InUse.AreFreezing);
    }

    [Fact]
    public void Each_holds_a_domain_s_folder_once()
    {
        var (one, again, other) = (Join(_one, _first), Join(_one, _first), Join(_other, _first));
        Assert.Same(one.Folder, again.Folder);
        Assert.NotSame(one.Folder, other.Folder);
    }

    private static EndpointOptions Numbers => new("/numbers", "std_msgs/msg/Int64", Qos.Default);

    private Session Join(ProcessContext process, PlayedMaster master)
    {
        var session = process.Join(master.Domain, _ => master.Open());
        _sessions.Add(session);
        return session;
    }
}
