using System.Diagnostics;
using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Messages;
using RmwCkpt.Tests;

namespace RmwCkpt.Middleware.Tests.Sessions;

/// <summary>Where the run folder's file system is full.</summary>
public sealed class FullDomainTests : IDisposable
{
    private const int Large = 60_000;
    private readonly SmallFileSystem _files = new("2m");

    public void Dispose() => _files.Dispose();

    [SmallFileSystemFact]
    public void A_request_waits_for_room_for_a_while_and_is_lost_then_as_others_lose_it()
    {
        using var domain = new LoneSession(at: _files.At);
        var outbox = domain.Ask().Outbox!;
        _files.Fill(free: 0);
        var watch = Stopwatch.StartNew();
        outbox.Begin(null, Large);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0.9, 10);
        Assert.Equal(-1, outbox.End(Large));
        Assert.False(outbox.IsHeld);

        // The next one does not wait in vain again, and is told from the first.
        watch.Restart();
        outbox.Begin(null, Large);
        Assert.Equal(-2, outbox.End(Large));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 0.9);
        Assert.Equal(2, domain.Session.Slot.ReadInt64(ProcessTable.Unpublished));
        outbox.Begin(null, 8);
        Assert.Equal(1, outbox.End(8));
    }

    [SmallFileSystemFact]
    public async Task A_reply_that_waits_goes_as_soon_as_there_is_room()
    {
        using var domain = new LoneSession(at: _files.At);
        var outbox = domain.Serve().Outbox!;
        _files.Fill(free: 0);
        using var begun = new ManualResetEventSlim();
        var reply = Task.Run(() =>
        {
            begun.Set();
            outbox.Begin(new RequestId(new Gid(5, 6, 7), 9), Large).Write(0, 1L);
            return outbox.End(Large);
        });
        begun.Wait();
        _files.Empty();
        Assert.Equal(1, await reply);
        using var reader = LogReader.Open(domain.Folder.Log(EndpointHead.Gid(outbox.Head)));
        Assert.True(reader.TryPeek(out var frame));
        Assert.Equal(Large + RequestId.Size, frame.Payload.Length);
        Assert.Equal(0, domain.Session.Slot.ReadInt64(ProcessTable.Unpublished));
    }
}
