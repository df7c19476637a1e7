using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Server;

namespace RmwCkpt.Master.Tests.Recovery;

/// <summary>
/// Deaths and what follows them, with engine none: the fake's command is killed at once, and the fake says when that has ended.
/// </summary>
public sealed class RecoveryTests : IDisposable
{
    private const int Pid = 4_200_001;
    private readonly FakeDomain _domain = new();
    private readonly Member _member;

    public RecoveryTests()
    {
        _domain.Executable = _domain.Scratch.Path_("killed");
        File.WriteAllText(_domain.Executable, "#!/bin/sh\nkill -KILL $$\n");
        File.SetUnixFileMode(_domain.Executable, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        // It says nothing of its policy: it is to be brought back.
        var welcome = _domain.Call(Pid, new Request { Hello = new Hello { Policy = new Policy() } }).Welcome;
        var register = new Request { Register = Scratch.Register(welcome.Process, Scratch.Node(welcome.Process, 1, "node")) };
        Assert.Equal("", _domain.Call(Pid, register).Error);
        _member = _domain.Registry.Find(welcome.Process)!;
    }

    private ProcessState State => _domain.Registry.Look(() => _member.Entry.State);

    public void Dispose() => _domain.Dispose();

    [Fact]
    public void The_third_death_in_one_place_is_the_last()
    {
        _member.Slot.Write(ProcessTable.LastTake, 41L);
        Die(thenIncarnation: 2);
        SayHello();
        Die(thenIncarnation: 3);
        SayHello();
        Die();
        Await(() => State == ProcessState.Failed);
        Assert.Contains("died 3 times in the same place, after cell 41", _member.Entry.Record.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_next_incarnation_could_not_be_given_stands_in_its_note()
    {
        var attributes = ProcessAttributes.Read(Environment.ProcessId);
        attributes.ControlGroup = "/there/is/none";
        _domain.Registry.Update(_member, r => r.Attributes = attributes);
        Die(thenIncarnation: 2);
        SayHello();
        Await(() => _domain.Call(Pid, new Request { Status = new StatusQuery() }).Status.Processes.Single().Note
            .Contains("brought back without control group /there/is/none", StringComparison.Ordinal));
    }

    [Fact]
    public void A_incarnation_that_came_further_died_in_another_place()
    {
        for (var incarnation = 1u; incarnation <= 5; incarnation++)
        {
            _member.Slot.Write(ProcessTable.LastTake, 40L + incarnation);
            Die(thenIncarnation: incarnation + 1);
            SayHello();
        }
        Assert.Equal(1u, _member.Entry.Record.Deaths);
    }

    [Fact]
    public void A_incarnation_that_published_more_died_in_another_place()
    {
        for (var incarnation = 1u; incarnation <= 5; incarnation++)
        {
            _member.Slot.Write(ProcessTable.Published, (long)incarnation);
            Die(thenIncarnation: incarnation + 1);
            SayHello();
        }
        Assert.Equal(1u, _member.Entry.Record.Deaths);
    }

    [Fact]
    public void A_command_that_ends_before_it_joins_is_reported_as_that_and_not_as_a_message_that_kills()
    {
        _member.Slot.Write(ProcessTable.LastTake, 41L);
        Die(thenIncarnation: 2);
        Die(thenIncarnation: 3);
        Die();
        Await(() => State == ProcessState.Failed);
        Assert.Contains($"before it joined: its command ends (fake {Pid}, in /)", _member.Entry.Record.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_snapshot_and_a_journal_from_its_beginning_it_is_started_anew_as_another_process()
    {
        _member.Slot.Write(ProcessTable.JournalFirst, 1L);
        _domain.End(Pid);
        Await(() => State == ProcessState.Failed);
        var note = _member.Entry.Record.Note;
        Assert.Contains("started anew, without what it knew, as process ", note, StringComparison.Ordinal);
        var pid = int.Parse(note[(note.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture);
        var anew = _domain.Hello(pid);
        Assert.NotEqual(_member.Id, anew.Process);
        Assert.False(anew.Resumed);
        var fresh = _domain.Registry.Find(anew.Process)!;
        Assert.Contains("no longer goes back to its beginning", fresh.Entry.Record.Note, StringComparison.Ordinal);
        // Of the same name: the dead one has been replaced.
        var register = new Request { Register = Scratch.Register(anew.Process, Scratch.Node(anew.Process, 1, "node")) };
        Assert.Equal("", _domain.Call(pid, register).Error);
        Await(() => State == ProcessState.Exited);
    }

    [Fact]
    public void A_program_that_has_changed_does_not_replay_what_the_former_did()
    {
        _domain.Registry.Update(_member, r => r.Program[_domain.Executable] = "of another build");
        _domain.End(Pid);
        Await(() => State == ProcessState.Failed);
        Assert.Contains($"{_domain.Executable} has changed since it joined", _member.Entry.Record.Note, StringComparison.Ordinal);
        Assert.Contains("started anew, without what it knew", _member.Entry.Record.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void That_it_would_be_started_anew_is_said_before()
    {
        Assert.Empty(Unprotected.Why(_member));
        _member.Slot.Write(ProcessTable.JournalFirst, 1L);
        Assert.Contains("killed now, it is started anew", Assert.Single(Unprotected.Why(_member)), StringComparison.Ordinal);
        _member.LastPosition = 1;
        Assert.Empty(Unprotected.Why(_member));
        _member.SnapshotDoubt = "it needs what is gone";
        Assert.Equal(["it needs what is gone"], Unprotected.Why(_member));
        _member.WhyNoSnapshot = "fd 12 is a Unix connection";
        Assert.Contains("fd 12 is a Unix connection", Assert.Single(Unprotected.Why(_member)), StringComparison.Ordinal);
    }

    private void Die(uint thenIncarnation = 0)
    {
        var pid = (int)_member.Entry.Record.Pid;
        // First in fact, or the master finds it alive.
        Await(() => ProcessProbe.HasEnded(pid));
        _domain.End(pid);
        if (thenIncarnation != 0)
        {
            Await(() => State == ProcessState.Live && _domain.Registry.Look(() => _member.Entry.Record.Incarnation) == thenIncarnation);
        }
    }

    private void SayHello() => Assert.True(_domain.Call(
        (int)_member.Entry.Record.Pid, new Request { Hello = new Hello { Resume = _member.Id } }).Welcome.Resumed);

    private void Await(Func<bool> condition) => Assert.True(
        SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(20)), $"it did not come: {State}, {_member.Entry.Record.Note}");
}
