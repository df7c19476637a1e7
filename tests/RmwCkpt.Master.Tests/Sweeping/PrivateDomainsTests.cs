using RmwCkpt.Domain;
using RmwCkpt.Master.Sweeping;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Sweeping;

public sealed class PrivateDomainsTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("rmw_ckpt-private").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private RunFolder Make(int domain)
    {
        var home = Path.Combine(_root, $"{domain}");
        var folder = new RunFolder(Path.Combine(home, "run"), Path.Combine(home, "state"), domain);
        folder.Ensure();
        return folder;
    }

    private string? Read(string name) => name == "RMW_CKPT_DIR" ? _root : null;

    [Fact]
    public void What_a_process_with_discovery_off_had_goes_with_its_master()
    {
        using var alone = Make(0x40000000 | 4_000_000);
        using var shared = Make(42);
        PrivateDomains.Sweep(shared, new Settings(Read));
        Assert.Equal(2, Directory.GetDirectories(_root).Length);
        PrivateDomains.Sweep(alone, new Settings(Read));
        Assert.Equal([Path.Combine(_root, "42")], Directory.GetDirectories(_root));
        Assert.True(Directory.Exists(shared.Run));
    }

    [Fact]
    public void What_another_one_has_left_that_nobody_holds_goes_too()
    {
        using var alone = Make(0x40000000 | 4_000_000);
        using var left = Make(0x40000000 | 4_000_001);
        using var held = Make(0x40000000 | 4_000_002);
        (left.Logs / "some/file").MakeFolder();
        var fd = held.Lock.Open(Posix.ReadWrite | Posix.Make);
        Assert.True(Posix.Lock(fd, wait: false));
        PrivateDomains.Sweep(alone, new Settings(Read));
        Assert.Equal([Path.Combine(_root, $"{held.Domain}")], Directory.GetDirectories(_root));
        Posix.Close(fd);
    }

    /// <summary>In a folder that all may write to, as /tmp, somebody gives his own things such a domain's name, or a link to others'.</summary>
    [RootFact]
    public void What_another_user_has_put_there_is_left_alone_with_what_it_leads_to()
    {
        using var alone = Make(0x40000000 | 4_000_000);
        var precious = Path.Combine(_root, "precious", "run", "file");
        Directory.CreateDirectory(Path.GetDirectoryName(precious)!);
        File.WriteAllText(precious, "");
        File.SetUnixFileMode(_root, (UnixFileMode)0x3ff);
        var (link, own) = (Path.Combine(_root, $"{0x40000000 | 4_000_001}"), Path.Combine(_root, $"{0x40000000 | 4_000_002}"));
        using var squat = System.Diagnostics.Process.Start(
            "setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-ec", $"ln -s {_root}/precious {link}; mkdir -p -m 700 {own}/run/x"]);
        squat.WaitForExit();
        Assert.Equal(0, squat.ExitCode);
        PrivateDomains.Sweep(alone, new Settings(Read));
        Assert.True(File.Exists(precious));
        Assert.True(Directory.Exists($"{own}/run/x"));
        Assert.False(Directory.Exists(alone.Run));
    }
}
