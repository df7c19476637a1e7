using RmwCkpt.Client;
using RmwCkpt.Domain;
using RmwCkpt.Middleware.Entities;

namespace RmwCkpt.Middleware.Tests.Sessions;

/// <summary>Nodes in C#, and messages that are none of their type.</summary>
public sealed class ClientTests : IDisposable
{
    private readonly LoneSession _domain = new();

    public void Dispose() => _domain.Dispose();

    [Fact]
    public void A_malformed_message_is_dropped_and_the_next_is_heard()
    {
        var publisher = _domain.Publish(Qos.Default);
        var endpoint = _domain.Subscribe(Qos.Default);
        Assert.True(_domain.Session.Logs.TryRead(endpoint, publisher.Gid));
        var subscription = new Subscription<StringMessage>(endpoint, _ => { });
        byte[] good = [0, 1, 0, 0, 3, 0, 0, 0, .. "hi\0"u8];
        Say(publisher, good.AsSpan(0, 9));
        Say(publisher, [0, 1, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0]);
        Say(publisher, [9, 9]);
        Say(publisher, good);
        for (var i = 0; i < 3; i++)
        {
            Assert.False(subscription.TryTake(out var none));
            Assert.Equal(default, none);
        }
        Assert.True(subscription.TryTake(out var message));
        Assert.Equal("hi", message.Data);
        Assert.False(subscription.TryTake(out _));
    }

    private static void Say(Endpoint publisher, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(publisher.Outbox!.Begin(null, bytes.Length).All);
        publisher.Outbox.End(bytes.Length);
    }
}
