using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Middleware.Processes;

namespace RmwCkpt.Middleware.Tests.Processes;

/// <summary>Masters that end before they are one.</summary>
public sealed class MasterTriesTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private readonly LoneSession _domain = new();

    public void Dispose() => _domain.Dispose();

    [Fact]
    public void Another_try_comes_later_unless_there_was_a_master_meanwhile()
    {
        var tries = _domain.Session.Process.Masters.TriesOf(_domain.Folder);
        Assert.True(tries.TryBegin(_domain.Folder, isAsked: false));
        Assert.False(tries.TryBegin(_domain.Folder, isAsked: true));
        Assert.True(tries.HasFailed);
        Assert.InRange(tries.Pause, 1, 1_000_000_000);
        Assert.True(SpinWait.SpinUntil(() => tries.TryBegin(_domain.Folder, isAsked: false), s_patience));
        Assert.False(tries.TryBegin(_domain.Folder, isAsked: false));
        Assert.InRange(tries.Pause, 1_000_000_001, 2_000_000_000);
        Assert.True(SpinWait.SpinUntil(() => tries.TryBegin(_domain.Folder, isAsked: true), s_patience), "who asks waits for less");

        _domain.Session.Table.Domain.Increment(ProcessTable.Masters);
        Assert.True(tries.TryBegin(_domain.Folder, isAsked: false));
        Assert.False(tries.HasFailed);
    }

    [Fact]
    public void What_somebody_removed_meanwhile_is_no_failure()
    {
        var tries = _domain.Session.Process.Masters.TriesOf(_domain.Folder);
        Assert.True(tries.TryBegin(_domain.Folder, isAsked: false));
        using var table = _domain.Remove();
        _domain.Folder.Ensure();
        Assert.True(tries.TryBegin(_domain.Folder, isAsked: false));
    }

    [Fact]
    public void Who_is_of_another_version_than_the_nodes_is_told_so_after_one_try()
    {
        _domain.Session.Table.Domain.Write(ProcessTable.Magic, ProcessTable.MagicValue ^ (1ul << 56));
        var tries = Path.Combine(_domain.Folder.Run, "tries");
        var program = Path.Combine(_domain.Folder.Run, "program");
        File.WriteAllText(program, $"#!/bin/sh\necho >> {tries}\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var masters = new MasterStarter { Program = program };
        var refused = Assert.Throws<RegistryException>(() => masters.CallOrStart(
            _domain.Folder, new RegistryClient(_domain.Folder), new Request { Status = new StatusQuery() }, s_patience));
        Assert.Contains("another version", refused.Message, StringComparison.Ordinal);
        Assert.Single(File.ReadAllLines(tries));
    }
}
