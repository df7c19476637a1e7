using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Tests.Recovery;

/// <summary>A run folder is removed under a master that has processes: whose they are, until another master knows them.</summary>
public sealed class HandoverTests : IDisposable
{
    private const int Pid = 4_202_001;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private readonly FakeDomain _domain = new() { Executable = "/bin/sh", CommandOf = _ => ["/bin/sh", "-c", "kill -KILL $$"] };
    private readonly CancellationTokenSource _told = new();
    private readonly TaskCompletionSource _hasLetGo = new();
    private readonly List<ProcessTable> _tables = [];
    private readonly Member _member;
    private readonly Member _other;

    public HandoverTests() => (_member, _other) = (Join(Pid), Join(Pid + 1));

    public void Dispose()
    {
        _told.Cancel();
        _domain.Dispose();
        _tables.ForEach(x => x.Dispose());
        _told.Dispose();
    }

    [Fact]
    public async Task It_stays_until_the_next_master_knows_all_of_them()
    {
        Remove();
        var handover = HandOn();
        await _hasLetGo.Task.WaitAsync(s_patience);
        var table = MakeTable();
        Take(table, _member);
        Assert.True(SpinWait.SpinUntil(() => !_domain.Supervisor.Watch.IsWatched(_member.Id), s_patience));
        Assert.True(_domain.Supervisor.Watch.IsWatched(_other.Id));
        Assert.False(handover.IsCompleted);
        Take(table, _other);
        await handover.WaitAsync(s_patience);
    }

    [Fact]
    public async Task Who_dies_meanwhile_is_started_anew_once()
    {
        Remove();
        var handover = HandOn();
        await _hasLetGo.Task.WaitAsync(s_patience);
        Take(MakeTable(), _other);
        _domain.End(Pid);
        await handover.WaitAsync(s_patience);
        Assert.Equal(ProcessState.Failed, _member.Entry.State);
        Assert.Contains("started anew", _member.Entry.Record.Note, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("before it dies")]
    [InlineData("just after it died")]
    [InlineData("in a table that was removed in its turn")]
    public async Task Who_dies_and_is_known_to_the_next_master_is_that_ones(string when)
    {
        Remove();
        var table = MakeTable();
        if (when == "just after it died")
        {
            _domain.End(Pid);
            Assert.True(SpinWait.SpinUntil(() => _domain.Registry.Look(() => _member.Entry.State) == ProcessState.Recovering, s_patience));
            Take(table, _member);
        }
        else
        {
            Take(table, _member);
            _domain.Supervisor.Later.Look();
            Assert.True(_domain.Supervisor.IsOfAnotherMaster(_member));
            if (when != "before it dies")
            {
                Remove();
                MakeTable();
            }
            _domain.End(Pid);
        }
        var handover = HandOn();
        Take(_tables[^1], _other);
        await handover.WaitAsync(s_patience);
        Assert.True(SpinWait.SpinUntil(() => !_member.Recovering, s_patience));
        Assert.DoesNotContain("anew", _member.Entry.Record.Note, StringComparison.Ordinal);
        Assert.NotEqual(ProcessState.Failed, _member.Entry.State);
    }

    [Fact]
    public async Task It_does_not_wait_for_ever()
    {
        Remove();
        await HandOn(TimeSpan.FromMilliseconds(1)).WaitAsync(s_patience);
        Assert.True(_hasLetGo.Task.IsCompleted);
    }

    [Fact]
    public async Task Told_to_end_it_ends_at_once()
    {
        Remove();
        var handover = HandOn(TimeSpan.FromHours(1));
        await _hasLetGo.Task.WaitAsync(s_patience);
        await _told.CancelAsync();
        await handover.WaitAsync(s_patience);
    }

    /// <summary>It may be put back, and its next master is to begin there alone.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nobody_is_let_in_where_the_folder_is_there_still(bool isMoved)
    {
        if (isMoved)
        {
            Directory.Move(Run, _domain.Scratch.Path_("away"));
        }
        await HandOn(TimeSpan.FromHours(1)).WaitAsync(s_patience);
        Assert.False(_hasLetGo.Task.IsCompleted);
    }

    private string Run => _domain.Scratch.Folder.Run;

    private Member Join(int pid)
    {
        var welcome = _domain.Call(pid, new Request { Hello = new Hello { Policy = new Policy() } }).Welcome;
        var register = new Request { Register = Scratch.Register(welcome.Process, Scratch.Node(welcome.Process, 1, $"node{pid}")) };
        Assert.Equal("", _domain.Call(pid, register).Error);
        return _domain.Registry.Find(welcome.Process)!;
    }

    private Task HandOn(TimeSpan? limit = null) =>
        Task.Run(() => _domain.Master.HandOn(_hasLetGo.SetResult, limit ?? TimeSpan.FromHours(1), _told.Token));

    private void Remove() => Directory.Delete(Run, recursive: true);

    private ProcessTable MakeTable()
    {
        using var folder = new RunFolder(Run, _domain.Scratch.Folder.State, 0);
        folder.Ensure();
        var table = ProcessTable.Open(folder, make: true);
        _tables.Add(table);
        return table;
    }

    private static void Take(ProcessTable table, Member member) => table.Slot(member.SlotIndex).Release(ProcessTable.ProcessId, member.Id);
}
