using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Memory;
using RmwCkpt.Tests;

namespace RmwCkpt.Master.Tests.Hosting;

/// <summary>A run folder in a file system of 4 MiB, which only root can mount.</summary>
public sealed class FullRunFolderTests : IDisposable
{
    private const int Pid = 1_000_001;
    private readonly SmallFileSystem _files = new("4m");

    public void Dispose() => _files.Dispose();

    [SmallFileSystemFact]
    public void What_cannot_be_journalled_is_known_all_the_same_and_written_when_there_is_room()
    {
        using var scratch = new Scratch(_files.At);
        using var domain = new FakeDomain(scratch);
        var first = domain.Hello(Pid);
        _files.Fill(free: 0);
        SpareRoom.Remove(scratch.Folder.Folder);
        _files.Fill(free: 0);

        // More than the rest of the journal's last page holds.
        var more = Enumerable.Range(1, 40).Select(i => domain.Hello(Pid + i)).ToList();
        var registered = domain.Call(Pid, new Request { Register = Scratch.Register(first.Process, Scratch.Node(first.Process, 1, "talker")) });
        Assert.Equal("", registered.Error);
        Assert.Contains("cannot be written", Assert.Single(Status(domain).Notes), StringComparison.Ordinal);
        domain.End(Pid);
        Assert.True(SpinWait.SpinUntil(
            () => domain.Registry.Find(first.Process)!.Entry.State == ProcessState.Failed, TimeSpan.FromSeconds(20)));

        _files.Empty();
        domain.Registry.MendJournal();
        Assert.Empty(Status(domain).Notes);
        domain.Restart();
        Assert.Equal(41, domain.Registry.Members.Count);
        Assert.Equal(ProcessState.Failed, domain.Registry.Find(first.Process)!.Entry.State);
        Assert.All(more, x => Assert.Equal(ProcessState.Live, domain.Registry.Find(x.Process)!.Entry.State));
    }

    private static Status Status(FakeDomain domain) => domain.Call(Pid, new Request { Status = new StatusQuery() }).Status;
}
