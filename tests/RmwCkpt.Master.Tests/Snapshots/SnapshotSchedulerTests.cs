using System.Collections.Concurrent;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Snapshots;

/// <summary>When snapshots are taken, with an engine that the test holds up.</summary>
public sealed class SnapshotSchedulerTests : IDisposable
{
    private const int Slow = 4_200_001;
    private const int Other = 4_200_002;
    private readonly HangingEngine _engine = new(Slow);
    private readonly FakeDomain _domain;

    public SnapshotSchedulerTests() => _domain = new FakeDomain(engine: _engine);

    public void Dispose() => _domain.Dispose();

    [Fact]
    public async Task A_process_whose_snapshot_does_not_end_holds_up_no_others()
    {
        var slow = Order(Join(Slow, "slow"));
        Assert.Equal(Slow, _engine.Begun.Take());
        var other = Order(Join(Other, "other"));
        Assert.Equal(Other, _engine.Begun.Take());
        Assert.NotEmpty((await other).Checkpoints);
        Assert.False(slow.IsCompleted);
        _engine.Stop();
        Assert.Contains("held up", (await slow).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_snapshots_of_one_process_are_never_taken_at_once()
    {
        var process = Join(Slow, "slow");
        var first = Order(process);
        Assert.Equal(Slow, _engine.Begun.Take());
        var second = Order(process);
        var other = Order(Join(Other, "other"));
        Assert.Equal(Other, _engine.Begun.Take());
        Assert.NotEmpty((await other).Checkpoints);
        Assert.Equal(1, _engine.MostAtOnce);
        _engine.Stop();
        await Task.WhenAll(first, second);
        Assert.Equal(1, _engine.MostAtOnce);
    }

    [Fact]
    public async Task The_masters_end_does_not_wait_for_a_snapshot_under_way()
    {
        var slow = Order(Join(Slow, "slow"));
        Assert.Equal(Slow, _engine.Begun.Take());
        // Disposed again later: that does nothing.
        await Task.Run(_domain.Master.Dispose).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(_engine.IsStopped);
        _ = slow.ContinueWith(x => x.Exception, TaskScheduler.Default);
    }

    [Fact]
    public async Task An_order_waits_until_a_process_that_replays_is_live()
    {
        var node = Join(Other, "other");
        var slot = _domain.Registry.Members.Single().Slot;
        slot.Release(ProcessTable.Mode, (uint)ProcessMode.CatchUp);
        var waits = new TaskCompletionSource<string>();
        var order = Order(node, waits);
        Assert.Contains("waiting until it is live", await waits.Task.WaitAsync(TimeSpan.FromSeconds(20)), StringComparison.Ordinal);
        Assert.Empty(_engine.Begun);
        slot.Release(ProcessTable.Mode, (uint)ProcessMode.Live);
        Assert.Single((await order).Checkpoints);
    }

    [Fact]
    public async Task An_order_does_not_wait_for_ever()
    {
        var node = Join(Other, "other");
        _domain.Registry.Members.Single().Slot.Release(ProcessTable.Mode, (uint)ProcessMode.Replay);
        Assert.Contains("replaying", (await Order(node)).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_shows_the_newest_snapshot_that_can_be_used()
    {
        var node = Join(Other, "other");
        var first = (await Order(node)).Checkpoints.Single();
        var second = (await Order(node)).Checkpoints.Single();
        Assert.Equal((second.Taken, "recover=off"), Look());
        File.WriteAllText(Path.Combine(second.Folder, "image"), "It");
        var (taken, note) = Look();
        Assert.Equal(first.Taken, taken);
        Assert.Contains("snapshot 2 cannot be used", note, StringComparison.Ordinal);
        File.Delete(Path.Combine(first.Folder, "image"));
        Assert.Equal(0, Look().Taken);
    }

    private (long Taken, string Note) Look()
    {
        var said = _domain.Call(1, new Request { Status = new StatusQuery() }).Status.Processes.Single();
        return (said.LastCheckpoint, said.Note);
    }

    private string Join(int pid, string node)
    {
        var welcome = _domain.Hello(pid);
        var register = new Request { Register = Scratch.Register(welcome.Process, Scratch.Node(welcome.Process, 1, node)) };
        Assert.Equal("", _domain.Call(pid, register).Error);
        return node;
    }

    /// <param name="progress">Is told what is first said of how it goes.</param>
    private Task<Reply> Order(string node, TaskCompletionSource<string>? progress = null) => Task.Factory.StartNew(
        () =>
        {
            using var socket = _domain.Connect(1);
            socket.ReceiveTimeout = 60_000;
            using var stream = new System.Net.Sockets.NetworkStream(socket);
            var request = new Request { Checkpoint = new CheckpointOrder { Nodes = { node } } };
            Google.Protobuf.MessageExtensions.WriteDelimitedTo(request, stream);
            Reply reply;
            do
            {
                reply = Reply.Parser.ParseDelimitedFrom(stream);
                progress?.TrySetResult(reply.Progress);
            }
            while (reply.More);
            return reply;
        },
        CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Dumps of one process do not end before the engine is stopped; those of others do at once.</summary>
    private sealed class HangingEngine(int slow) : ISnapshotEngine
    {
        private readonly TaskCompletionSource _stopped = new();
        private int _atOnce;

        public BlockingCollection<int> Begun { get; } = [];

        /// <summary>Dumps of the slow process.</summary>
        public int MostAtOnce { get; private set; }

        public bool IsStopped => _stopped.Task.IsCompleted;

        public string Name => "hanging";

        public EngineCheck Check() => new(true, "a test's");

        public SnapshotResult Dump(DumpOrder order)
        {
            var (pid, folder, _) = order;
            if (pid == slow)
            {
                MostAtOnce = Math.Max(MostAtOnce, Interlocked.Increment(ref _atOnce));
                Begun.Add(pid);
                _stopped.Task.Wait();
                Interlocked.Decrement(ref _atOnce);
                return SnapshotResult.Failed("held up");
            }
            Begun.Add(pid);
            (folder / "image").WriteAll("it"u8);
            return new SnapshotResult(true, false, false, "", 1);
        }

        public RestoreResult Restore(RestoreOrder order) => RestoreResult.Failed("a test's");

        public void Stop() => _stopped.TrySetResult();
    }
}
