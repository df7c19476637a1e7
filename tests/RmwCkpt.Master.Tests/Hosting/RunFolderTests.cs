using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Server;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Hosting;

/// <summary>Where a domain's folders are, and that they stay the ones that were opened.</summary>
public sealed class RunFolderTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private static RunFolder For(string? home, string? state = null) =>
        RunFolder.For(5, new Settings(name => name switch { "HOME" => home, "XDG_STATE_HOME" => state, _ => null }));

    [Fact]
    public void Snapshots_on_disk_are_in_ones_own_home_and_never_in_tmp()
    {
        var own = _scratch.Path_("home");
        Directory.CreateDirectory(own);
        Assert.Equal($"{own}/.local/state/rmw_ckpt/5", For(own).State);
        Assert.Equal("/elsewhere/rmw_ckpt/5", For(own, "/elsewhere").State);
        foreach (var home in new[] { null, "", "relative", "/nonexistent" })
        {
            Assert.DoesNotContain("/tmp", For(home).State, StringComparison.Ordinal);
            Assert.DoesNotContain("nonexistent", For(home, "relative").State, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Without_a_state_folder_the_variables_are_named()
    {
        using var folder = new RunFolder(_scratch.Folder.Run, "", 0);
        folder.Ensure();
        Assert.Null(folder.Snapshots);
        Assert.Contains("set XDG_STATE_HOME or RMW_CKPT_DIR", Assert.Throws<IOException>(folder.EnsureState).Message, StringComparison.Ordinal);
    }

    /// <summary>As under sudo -E.</summary>
    [RootFact]
    public void Another_users_home_is_not_believed()
    {
        var home = _scratch.Path_("home");
        Directory.CreateDirectory(home);
        using var chown = System.Diagnostics.Process.Start("chown", ["nobody", home]);
        chown.WaitForExit();
        Assert.Equal($"{Users.HomeOf(0)}/.local/state/rmw_ckpt/5", For(home).State);
        Assert.ThrowsAny<IOException>(For("/root", home).EnsureState);
    }

    [Fact]
    public async Task A_sockets_folder_may_have_a_long_path()
    {
        using var folder = new RunFolder(_scratch.Path_(new string('x', 200)), "", 3);
        folder.Ensure();
        using var server = new RegistryServer(
            folder.Socket, (_, _, _, _) => Task.FromResult(new Reply { Error = "heard" }), Scratch.Log);
        server.Listen();
        server.Start();
        var e = await Assert.ThrowsAsync<RegistryException>(() => Task.Run(
            () => new RegistryClient(folder).Call(new Request { Status = new StatusQuery() }, TimeSpan.FromSeconds(20))));
        Assert.Equal("heard", e.Message);
    }

    /// <summary>Somebody swaps the folder under a running master for one with a snapshot of his own making.</summary>
    [Fact]
    public void A_snapshot_in_a_folder_that_was_swapped_in_is_not_seen()
    {
        var store = new SnapshotStore(_scratch.Folder, Scratch.Log);
        Make(store, 1);
        using var forged = new RunFolder(_scratch.Path_("forged"), "", 0);
        forged.Ensure();
        var forger = new SnapshotStore(forged, Scratch.Log);
        for (var i = 1u; i <= 3; i++)
        {
            Make(forger, i);
        }
        Directory.Move(_scratch.Folder.Run, _scratch.Path_("moved"));
        Directory.Move(forged.Run, _scratch.Folder.Run);
        Assert.Equal([1u], store.Usable(9).Select(x => x.Number));
        store.RemoveUnknown(_ => false, onDisk: true);
        Assert.Equal([3u, 2, 1], forger.Usable(9).Select(x => x.Number));
        Assert.False(_scratch.Folder.Folder.IsInPlace);
    }

    [RootFact]
    public void An_image_of_another_user_is_not_usable()
    {
        var store = new SnapshotStore(_scratch.Folder, Scratch.Log);
        Make(store, 1);
        var image = Assert.Single(store.Usable(9)).Folder / "image";
        using var chown = System.Diagnostics.Process.Start("chown", ["nobody", image.FullName]);
        chown.WaitForExit();
        Assert.Empty(store.Usable(9));
        Assert.Contains("nobody", Assert.Single(store.List(9)).Why, StringComparison.Ordinal);
    }

    private static void Make(SnapshotStore store, uint number)
    {
        var (given, folder) = store.Begin(9);
        Assert.Equal(number, given);
        (folder / "image").WriteAll("x"u8);
        SnapshotStore.Finish(folder, new SnapshotManifest { Process = 9, Number = number, Pid = 1, Engine = "test" });
    }
}
