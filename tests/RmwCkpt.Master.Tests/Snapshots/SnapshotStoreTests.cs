using RmwCkpt.Master.Snapshots;

namespace RmwCkpt.Master.Tests.Snapshots;

public sealed class SnapshotStoreTests : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly SnapshotStore _store;

    public SnapshotStoreTests() => _store = new SnapshotStore(_scratch.Folder, Scratch.Log);

    public void Dispose() => _scratch.Dispose();

    private string Make(ulong process = 9)
    {
        var (number, folder) = _store.Begin(process);
        (folder / "pages-1.img").WriteAll(Enumerable.Range(0, 5000).Select(x => (byte)x).ToArray());
        SnapshotStore.Finish(folder, new SnapshotManifest { Process = process, Number = number, Pid = 1, Engine = "test" });
        return folder.FullName[..^4];
    }

    private IEnumerable<uint> Usable() => _store.Usable(9).Select(x => x.Number);

    [Fact]
    public void A_finished_snapshot_is_usable_and_an_unfinished_one_is_not_there()
    {
        Make();
        _store.Begin(9);
        Assert.Equal([1u], Usable());
        Assert.Equal([1u], _store.List(9).Select(x => x.Number));
    }

    [Fact]
    public void Its_folders_are_private_and_a_removed_run_folder_is_not_made_again()
    {
        var made = Make();
        _store.Persist(9, 1);
        foreach (var folder in new[] { made, Path.GetDirectoryName(made)!, (_scratch.Folder.Snapshots!.Value / "0000000000000009").FullName })
        {
            Assert.Equal(0x1c0, (int)File.GetUnixFileMode(folder));
        }
        Directory.Delete(_scratch.Folder.Run, recursive: true);
        Assert.ThrowsAny<IOException>(() => _store.Begin(9));
        Assert.False(Directory.Exists(_scratch.Folder.Run));
    }

    [Fact]
    public void The_newest_two_are_kept_wherever_they_are()
    {
        for (var i = 1u; i <= 4; i++)
        {
            Make();
            if (i % 2 == 0)
            {
                _store.Persist(9, i);
                _store.Forget(9, i);
            }
            _store.Prune(9);
        }
        Assert.Equal([4u, 3], Usable());
    }

    [Fact]
    public void What_images_take_in_memory_is_known()
    {
        Make();
        Make();
        Make(process: 10);
        _store.Begin(10);
        var images = _store.InMemory();
        Assert.Equal([(9ul, 1u), (9ul, 2u), (10ul, 1u)], images.Select(x => (x.Process, x.Number)).Order().ToArray());
        Assert.All(images, x => Assert.InRange(x.Bytes, 5000, 6000));
    }

    [Fact]
    public void One_that_is_not_usable_does_not_count_among_the_two()
    {
        Make();
        Make();
        File.Delete(Path.Combine(Make(), "pages-1.img"));
        _store.Prune(9);
        Assert.Equal([2u, 1], Usable());
        Assert.Equal("pages-1.img is missing", _store.List(9)[0].Why);
    }

    [Fact]
    public void Moved_to_the_disk_it_has_checksums_that_find_any_damage()
    {
        Make();
        var folder = _store.Persist(9, 1);
        _store.Forget(9, 1);
        Assert.StartsWith(_scratch.Folder.Snapshots!.Value.FullName, Assert.Single(_store.List(9, contents: true)).Folder.FullName, StringComparison.Ordinal);
        var file = Path.Combine(folder, "pages-1.img");
        var bytes = File.ReadAllBytes(file);
        for (var at = 0; at < bytes.Length; at += 97)
        {
            bytes[at] ^= 1;
            File.WriteAllBytes(file, bytes);
            Assert.Equal("pages-1.img is damaged", Assert.Single(_store.List(9, contents: true)).Why);
            bytes[at] ^= 1;
        }
    }

    [Fact]
    public void Any_damage_of_a_manifest_is_found()
    {
        var folder = Make();
        foreach (var name in new[] { SnapshotManifest.FileName, SnapshotManifest.SumName })
        {
            var file = Path.Combine(folder, name);
            var bytes = File.ReadAllBytes(file);
            for (var at = 0; at < bytes.Length; at++)
            {
                var spoilt = (byte[])bytes.Clone();
                spoilt[at] ^= 0x20;
                File.WriteAllBytes(file, spoilt);
                Assert.Empty(Usable());
                File.WriteAllBytes(file, bytes[..at]);
                Assert.Empty(Usable());
            }
            File.WriteAllBytes(file, bytes);
            Assert.Equal([1u], Usable());
        }
    }

    [Fact]
    public void A_torn_image_makes_the_one_before_the_newest_usable()
    {
        Make();
        var newest = Make();
        using (var file = File.OpenWrite(Path.Combine(newest, "pages-1.img")))
        {
            file.SetLength(4999);
        }
        Assert.Equal([1u], Usable());
    }

    [Fact]
    public void A_flipped_bit_in_an_image_is_found_wherever_it_is_and_the_one_before_is_usable()
    {
        Make();
        var file = Path.Combine(Make(), "pages-1.img");
        var bytes = File.ReadAllBytes(file);
        for (var at = 0; at < bytes.Length; at += 97)
        {
            bytes[at] ^= 4;
            File.WriteAllBytes(file, bytes);
            var told = new List<string>();
            Assert.Equal([1u], _store.Usable(9, x => told.Add($"{x.Number}: {x.Why}")).Select(x => x.Number));
            Assert.Equal(["2: pages-1.img is damaged"], told);
            Assert.Throws<IOException>(() => _store.Persist(9, 2));
            bytes[at] ^= 4;
        }
        File.WriteAllBytes(file, bytes);
        Assert.Equal([2u, 1], Usable());
    }

    [Fact]
    public void A_snapshot_of_another_process_is_not_taken_for_ones_own()
    {
        var folder = Make(process: 8);
        var home = Path.GetDirectoryName(folder)!;
        Directory.Move(home, home[..^1] + "9");
        Assert.Empty(Usable());
    }

    [Fact]
    public void Leftovers_go_and_numbers_go_on()
    {
        Make();
        Make(process: 7);
        var (_, unfinished) = _store.Begin(9);
        _store.RemoveUnfinished(9);
        Assert.False(unfinished.Exists);
        Make(process: 6);
        _store.Persist(6, 1);
        _store.Forget(6, 1);
        _store.RemoveUnknown(x => x == 9, onDisk: false);
        Assert.Empty(_store.List(7));
        // Another master's, which has the same state folder.
        Assert.Single(_store.List(6));
        _store.RemoveUnknown(x => x == 9, onDisk: true);
        Assert.Empty(_store.List(6));
        Assert.Equal(2u, _store.Begin(9).Number);
    }
}
