using RmwCkpt.Registry;

namespace RmwCkpt.Master.Tests;

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

    [Fact]
    public void What_a_process_with_discovery_off_had_goes_with_its_master()
    {
        using var alone = Make(0x40000000 | 4_000_000);
        using var shared = Make(42);
        PrivateDomains.Sweep(shared);
        Assert.Equal(2, Directory.GetDirectories(_root).Length);
        PrivateDomains.Sweep(alone);
        Assert.Equal([Path.Combine(_root, "42")], Directory.GetDirectories(_root));
        Assert.True(Directory.Exists(shared.Run));
    }
}
