using RmwCkpt.Memory;
using RmwCkpt.Registry;
using RmwCkpt.Registry.Protocol;

namespace RmwCkpt.Master.Tests;

/// <summary>A run folder in a file system of 4 MiB, which only root can mount.</summary>
public sealed class FullRunFolderTests : IDisposable
{
    private const int Pid = 1_000_001;
    private readonly string _mount = Directory.CreateTempSubdirectory("rmw_ckpt-full").FullName;

    public void Dispose()
    {
        if (AdministratorFactAttribute.IsAdministrator)
        {
            Run("umount", "-l", _mount);
        }
        Directory.Delete(_mount);
    }

    [AdministratorFact]
    public void What_cannot_be_journalled_is_known_all_the_same_and_written_when_there_is_room()
    {
        Run("mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", _mount);
        using var scratch = new Scratch(_mount);
        using var domain = new FakeDomain(scratch);
        var first = domain.Hello(Pid);
        var filler = Path.Combine(_mount, "filler");
        Fill(filler);

        // More than the rest of the journal's last page holds.
        var more = Enumerable.Range(1, 40).Select(i => domain.Hello(Pid + i)).ToList();
        var registered = domain.Call(Pid, new Request { Register = Scratch.Register(first.Process, Scratch.Node(first.Process, 1, "talker")) });
        Assert.Equal("", registered.Error);
        Assert.Contains("cannot be written", Assert.Single(Status(domain).Notes), StringComparison.Ordinal);
        domain.End(Pid);
        Assert.True(SpinWait.SpinUntil(
            () => domain.Registry.Find(first.Process)!.Entry.State == ProcessState.Final, TimeSpan.FromSeconds(20)));

        File.Delete(filler);
        domain.Registry.MendJournal();
        Assert.Empty(Status(domain).Notes);
        domain.Restart();
        Assert.Equal(41, domain.Registry.Members.Count);
        Assert.Equal(ProcessState.Final, domain.Registry.Find(first.Process)!.Entry.State);
        Assert.All(more, x => Assert.Equal(ProcessState.Live, domain.Registry.Find(x.Process)!.Entry.State));
    }

    private static Status Status(FakeDomain domain) => domain.Call(Pid, new Request { Status = new StatusQuery() }).Status;

    private static void Fill(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 0);
        try
        {
            while (true)
            {
                file.Write(new byte[4096]);
            }
        }
        catch (IOException)
        {
            // Full.
        }
    }

    private static void Run(string command, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(command, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
