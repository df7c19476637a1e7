using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Registry;

/// <summary>A process whose primary domain is another one, whose master is played here by its process table.</summary>
public sealed class PrimaryDomainTests : IDisposable
{
    private const int Pid = 1_000_001;
    private const int NextPid = 1_000_002;
    private const uint PrimarySlot = 9;
    private const ulong PrimaryProcess = 0xabc;
    private static int s_domains = 900;

    private readonly FakeDomain _domain = new();
    private readonly RunFolder _primary = RunFolder.For(Interlocked.Increment(ref s_domains));
    private readonly ProcessTable _primaryTable;
    private readonly Welcome _welcome;
    private readonly Member _member;

    public PrimaryDomainTests()
    {
        _primary.Ensure();
        _primaryTable = ProcessTable.Open(_primary, make: true);
        Slot.Write(ProcessTable.ProcessId, PrimaryProcess);
        SayInPrimary(ProcessState.Live, Pid);
        _welcome = _domain.Call(Pid, Greeting).Welcome;
        _member = _domain.Registry.Find(_welcome.Process)!;
        var node = new Request { Register = Scratch.Register(_welcome.Process, Scratch.Node(_welcome.Process, 1, "bridge")) };
        Assert.Equal("", _domain.Call(Pid, node).Error);
    }

    private Request Greeting => new()
    {
        Hello = new Hello { PrimaryProcess = PrimaryProcess, PrimaryDomain = (uint)_primary.Domain, PrimarySlot = PrimarySlot },
    };

    private Region Slot => _primaryTable.Slot(PrimarySlot);

    private ProcessState State => _domain.Registry.Look(() => _member.Entry.State);

    public void Dispose()
    {
        _domain.Dispose();
        _primaryTable.Dispose();
        _primary.Dispose();
        Directory.Delete(_primary.Run, recursive: true);
    }

    private void SayInPrimary(ProcessState state, int pid)
    {
        Slot.Write(ProcessTable.Pid, (uint)pid);
        Slot.Release(ProcessTable.State, (uint)state);
    }

    private void Die()
    {
        SayInPrimary(ProcessState.Recovering, Pid);
        _domain.End(Pid);
        Eventually(() => State == ProcessState.Recovering);
    }

    private static void Eventually(Func<bool> condition) =>
        Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(20)), "it did not come");

    [Fact]
    public void It_is_not_frozen_here()
    {
        Assert.Contains($"domain {_primary.Domain}", SnapshotTaker.Obstacle(_member), StringComparison.Ordinal);
        Assert.Contains($"domain {_primary.Domain}",
            _domain.Call(NextPid, new Request { Status = new StatusQuery() }).Status.Processes.Single().Note, StringComparison.Ordinal);
        _member.Slot.Release(ProcessTable.PrimaryProcess, 0ul);
        Assert.Null(SnapshotTaker.Obstacle(_member));
    }

    [Fact]
    public void It_is_back_when_its_primary_domain_has_brought_it_back()
    {
        Die();
        Assert.Equal(2u, _member.Slot.ReadUInt32(ProcessTable.Incarnation));
        Posix.Close(((IProcessProbe)_domain).OpenPidfd(NextPid));
        SayInPrimary(ProcessState.Live, NextPid);
        Eventually(() => State == ProcessState.Live);
        Assert.Equal((uint)NextPid, _member.Entry.Record.Pid);
        Assert.Equal(1u, _member.Entry.Record.Recoveries);
    }

    [Fact]
    public async Task Started_again_in_its_primary_domain_it_goes_on_here()
    {
        Die();
        Posix.Close(((IProcessProbe)_domain).OpenPidfd(NextPid));
        var said = Task.Run(() => _domain.Call(NextPid, Greeting));
        SayInPrimary(ProcessState.Live, NextPid);
        var welcome = (await said).Welcome;
        Assert.Equal((_welcome.Process, _welcome.Slot, 2u, true), (welcome.Process, welcome.Slot, welcome.Incarnation, welcome.Resumed));
        Assert.Single(_domain.Registry.Members);
    }

    [Fact]
    public void It_is_back_too_when_it_has_left_its_primary_domain_since()
    {
        Die();
        Posix.Close(((IProcessProbe)_domain).OpenPidfd(NextPid));
        _member.Slot.Release(ProcessTable.PrimaryProcess, 0ul);
        SayInPrimary(ProcessState.Exited, NextPid);
        Eventually(() => State == ProcessState.Live);
    }

    [Fact]
    public void A_master_that_takes_over_follows_too()
    {
        Die();
        _domain.Restart();
        var member = _domain.Registry.Find(_welcome.Process)!;
        Posix.Close(((IProcessProbe)_domain).OpenPidfd(NextPid));
        SayInPrimary(ProcessState.Live, NextPid);
        Eventually(() => member.Entry.State == ProcessState.Live);
        Assert.Equal(3u, member.Entry.Record.Incarnation);
    }

    [Fact]
    public void It_has_left_when_it_has_left_its_primary_domain()
    {
        Die();
        SayInPrimary(ProcessState.Exited, Pid);
        Eventually(() => State == ProcessState.Exited);
    }

    [Fact]
    public void It_stays_down_when_its_primary_domain_leaves_it_down()
    {
        Die();
        SayInPrimary(ProcessState.Failed, Pid);
        Eventually(() => State == ProcessState.Failed);
        Assert.Contains("does not bring it back", _member.Entry.Record.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void It_is_decided_here_when_its_primary_domain_does_not_know_it()
    {
        Slot.Write(ProcessTable.ProcessId, PrimaryProcess + 1);
        Assert.Null(SnapshotTaker.Obstacle(_member));
        _domain.End(Pid);
        Eventually(() => State == ProcessState.Failed);
        Assert.Contains("RMW_CKPT_RECOVER", _member.Entry.Record.Note, StringComparison.Ordinal);
    }
}
