using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Log;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Master.Sweeping;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Sweeping;

/// <summary>A writer with one log, a reader, and a process that has nothing to do with them.</summary>
public sealed class OrphanedLogsTests : IDisposable
{
    private const uint Topic = 2;
    private readonly FakeDomain _domain = new();
    private readonly OrphanedLogs _logs;
    private readonly Welcome _writer;
    private readonly Welcome _reader;
    private readonly Gid _log;

    public OrphanedLogsTests()
    {
        _logs = new OrphanedLogs(_domain.Scratch.Folder, _domain.Registry, new EngineChoice(new Images()), x => x.RemoveTree(), Scratch.Log);
        _writer = Join(100, "writer");
        _reader = Join(101, "reader");
        Join(102, "idle");
        _log = new Gid(_writer.Process, Topic, 0);
        using var writer = LogWriter.Open(_domain.Scratch.Folder.Log(_log), new FixedLimits(4096), 0, _ => { });
        writer.Head.AddReader(_reader.Slot);
    }

    public void Dispose() => _domain.Dispose();

    [Fact]
    public void A_log_is_needed_until_all_who_touched_it_have_newer_snapshots()
    {
        Destroy();
        FinishReading();
        Snapshot(_writer, SnapshotStore.UsableKept);
        Snapshot(_reader, SnapshotStore.UsableKept + 1);
        Assert.True(IsThere(), "its writer may be rolled back to before");
        Snapshot(_writer, 1);
        Assert.False(IsThere(), "the idle process never read it");
    }

    [Fact]
    public void A_log_is_needed_while_someone_reads_it()
    {
        Destroy();
        Assert.True(IsThere());
        Snapshot(_writer, 9);
        Snapshot(_reader, 9);
        Assert.True(IsThere());
        FinishReading();
        Assert.True(IsThere(), "its reader may be rolled back to before it had read all");
        Snapshot(_reader, SnapshotStore.UsableKept + 1);
        Assert.False(IsThere());
    }

    /// <summary>Without an engine that takes images they would be needed until all who ever read them have left.</summary>
    [Fact]
    public void Those_that_are_needed_take_no_more_than_they_may()
    {
        Destroy();
        Assert.True(IsThere());
        _logs.GiveUpBeyond(1 << 20);
        Assert.True(IsThere());
        _logs.GiveUpBeyond(10_000);
        Assert.False(IsThere());
    }

    [Fact]
    public void A_log_whose_reader_left_is_not_needed_by_it()
    {
        Destroy();
        Snapshot(_writer, 9);
        Assert.True(IsThere());
        _domain.Registry.MarkExited(Member(_reader));
        Assert.False(IsThere());
    }

    [Fact]
    public void A_log_that_is_written_again_is_kept()
    {
        Destroy();
        Register();
        FinishReading();
        _logs.Add(_log);
        Snapshot(_writer, 9);
        Snapshot(_reader, 9);
        Assert.True(IsThere());
        Assert.Equal(0, _logs.Count(_writer.Process));
    }

    private Welcome Join(int pid, string name)
    {
        var welcome = _domain.Hello(pid);
        var request = Scratch.Register(welcome.Process, Scratch.Node(welcome.Process, 1, name));
        Assert.Equal("", _domain.Call(pid, new Request { Register = request }).Error);
        return welcome;
    }

    private void Register() => Assert.Equal("", _domain.Call(100, new Request
    {
        Register = Scratch.Register(_writer.Process, Scratch.Publisher(_writer.Process, Topic, 1, "/topic")),
    }).Error);

    private void Destroy()
    {
        Register();
        var request = new Unregister { Process = _writer.Process };
        request.Entities.Add(Topic);
        IEnumerable<Gid> destroyed = [];
        _domain.Registry.Destroyed += x => destroyed = x;
        Assert.Equal("", _domain.Call(100, new Request { Unregister = request }).Error);
        Assert.Equal([_log], destroyed);
        _logs.Add(_log);
    }

    private void FinishReading()
    {
        using var head = LogHead.Open(_domain.Scratch.Folder.Log(_log));
        head.RemoveReader(_reader.Slot);
    }

    private Member Member(Welcome of) => _domain.Registry.Find(of.Process)!;

    private void Snapshot(Welcome of, uint times)
    {
        _logs.Sweep();
        Member(of).LastNumber += times;
    }

    private bool IsThere()
    {
        _logs.Sweep();
        return _domain.Scratch.Folder.Log(_log).Exists;
    }

    private sealed class Images : ISnapshotEngine
    {
        public string Name => "images";

        public EngineCheck Check() => new(true, "");

        public SnapshotResult Dump(DumpOrder order) => throw new NotSupportedException();

        public RestoreResult Restore(RestoreOrder order) => throw new NotSupportedException();
    }
}
