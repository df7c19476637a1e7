using RmwCkpt.Memory;

namespace RmwCkpt.Log.Tests;

/// <summary>What a trusted folder may be, and that it stays the one that was opened.</summary>
public sealed class TrustedFolderTests : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode All = (UnixFileMode)0x1ff;
    private readonly string _root = $"/dev/shm/rmw_ckpt-test-{Guid.NewGuid():n}";

    public TrustedFolderTests() => Directory.CreateDirectory(_root, Private);

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private string In(string name) => Path.Combine(_root, name);

    private static TrustedFolder Open(string path, bool make = false) => TrustedFolder.Open(path, make, "set THAT");

    /// <summary>The message with which it is refused.</summary>
    private static string Refused(string path) =>
        Assert.ThrowsAny<IOException>(() => Open(path, make: true).Dispose()).Message;

    [Fact]
    public void MakesWhatIsMissingPrivate()
    {
        using var folder = Open(In("a/b/c"), make: true);
        foreach (var made in new[] { "a", "a/b", "a/b/c" })
        {
            Assert.Equal(Private, File.GetUnixFileMode(In(made)));
        }
        Assert.True(folder.IsInPlace);
    }

    [Fact]
    public void IsNotThereUnlessMade()
    {
        var e = Assert.Throws<PosixException>(() => Open(In("none")));
        Assert.Equal(Posix.Enoent, e.Errno);
        Assert.False(Directory.Exists(In("none")));
    }

    [Fact]
    public void OpenToOthersIsRefused()
    {
        Directory.CreateDirectory(In("open"), Private | UnixFileMode.OtherRead);
        Assert.Contains($"chmod 700 {In("open")}", Refused(In("open")), StringComparison.Ordinal);
    }

    [Fact]
    public void BelowWhereOthersWriteIsRefused()
    {
        Directory.CreateDirectory(In("open"));
        File.SetUnixFileMode(In("open"), All);
        Assert.Contains($"chmod go-w {In("open")}", Refused(In("open/own")), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(In("open")));
    }

    [Fact]
    public void BelowWhatIsStickyIsFine()
    {
        Directory.CreateDirectory(In("tmp"));
        File.SetUnixFileMode(In("tmp"), All | UnixFileMode.StickyBit);
        Open(In("tmp/own"), make: true).Dispose();
    }

    [Fact]
    public void OwnLinkWhereNobodyElseWritesIsFollowed()
    {
        Directory.CreateDirectory(In("there"), Private);
        File.CreateSymbolicLink(In("absolute"), In("there"));
        File.CreateSymbolicLink(In("there/up"), "../there/./../absolute");
        using var there = Open(In("there"));
        using var linked = Open(In("absolute/up/up"));
        Assert.Equal((there.Id, In("there")), (linked.Id, linked.Path));
        Assert.True(linked.IsInPlace);
    }

    [Fact]
    public void LinkWhereOthersWriteIsRefused()
    {
        Directory.CreateDirectory(In("tmp"));
        File.SetUnixFileMode(In("tmp"), All | UnixFileMode.StickyBit);
        File.CreateSymbolicLink(In("tmp/link"), _root);
        Assert.Contains("is a link", Refused(In("tmp/link")), StringComparison.Ordinal);
    }

    [Fact]
    public void LinksInARingEnd()
    {
        File.CreateSymbolicLink(In("a"), "b");
        File.CreateSymbolicLink(In("b"), "a");
        Assert.Equal(40, Assert.Throws<PosixException>(() => Open(In("a"))).Errno);
    }

    [Fact]
    public void FileIsRefused()
    {
        File.WriteAllText(In("file"), "");
        Assert.Contains("no folder", Refused(In("file")), StringComparison.Ordinal);
    }

    [RootFact]
    public void AnotherUsersIsRefusedAndItsOwnerAndTheRemedyNamed()
    {
        Directory.CreateDirectory(In("tmp"));
        File.SetUnixFileMode(In("tmp"), All | UnixFileMode.StickyBit);
        File.SetUnixFileMode(_root, Private | UnixFileMode.OtherExecute);
        RootFactAttribute.AsNobody($"mkdir -m 755 {In("tmp/squatted")}");
        foreach (var path in new[] { "tmp/squatted", "tmp/squatted/0/run" })
        {
            var why = Refused(In(path));
            Assert.Contains($"{In("tmp/squatted")} belongs to user nobody (65534) (mode 0755)", why, StringComparison.Ordinal);
            Assert.Contains("set THAT", why, StringComparison.Ordinal);
        }
        Assert.Empty(Directory.GetFileSystemEntries(In("tmp/squatted")));
    }

    /// <summary>In a folder of another user stands a link to one of ours, which is private: it must not be taken for it.</summary>
    [RootFact]
    public void AnotherUsersLinkToOursIsRefused()
    {
        Directory.CreateDirectory(In("tmp"));
        File.SetUnixFileMode(In("tmp"), All | UnixFileMode.StickyBit);
        File.SetUnixFileMode(_root, Private | UnixFileMode.OtherExecute);
        Directory.CreateDirectory(In("victim/logs/precious"), Private);
        RootFactAttribute.AsNobody($"ln -s {In("victim")} {In("tmp/link")}; mkdir -m 755 {In("tmp/own")}; ln -s {In("victim")} {In("tmp/own/0")}");
        Assert.Contains("nobody", Refused(In("tmp/link")), StringComparison.Ordinal);
        Assert.Contains("nobody", Refused(In("tmp/own/0")), StringComparison.Ordinal);
        Assert.True(Directory.Exists(In("victim/logs/precious")));
    }

    [Fact]
    public void StaysTheSameWhereverItsNameLeads()
    {
        using var folder = Open(In("run"), make: true);
        (folder.Root / "logs").MakeFolder();
        Directory.Move(In("run"), In("moved"));
        Directory.CreateDirectory(In("run/logs/images"));
        Assert.False(folder.IsInPlace);
        Posix.Close((folder.Root / "logs/head").Open(Posix.ReadWrite | Posix.Make));
        Assert.True((folder.Root / "made/below").MakeFolder());
        Assert.Equal(["head"], (folder.Root / "logs").Names());
        Assert.True(File.Exists(In("moved/logs/head")));
        Assert.True(Directory.Exists(In("moved/made/below")));
        Assert.True((folder.Root / "logs").RemoveTree());
        Assert.True(Directory.Exists(In("run/logs/images")));
        Assert.False(Directory.Exists(In("moved/logs")));
    }

    [Fact]
    public void IsTheOneOfItsNameAgainWhenRenewed()
    {
        using var folder = Open(In("run"), make: true);
        var file = folder.Root / "file";
        file.WriteAll("old"u8);
        Assert.False(folder.Renew(""));
        Directory.Move(In("run"), In("moved"));
        var descriptor = folder.Descriptor;
        Assert.True(folder.Renew(""));
        Assert.Equal(descriptor, folder.Descriptor);
        Assert.False(file.Exists);
        file.WriteAll("new"u8);
        Assert.Equal("new", File.ReadAllText(In("run/file")));
        Directory.Move(In("run"), In("again"));
        File.CreateSymbolicLink(In("run"), In("moved"));
        Assert.True(folder.Renew(""));
        Assert.Equal("old"u8.ToArray(), file.ReadAll(9));
    }

    [Fact]
    public void IsBarredWhereOthersCouldChangeWhatItsPathLeadsToAndNotWhereNothingIs()
    {
        using var folder = Open(In("above/run"), make: true);
        Assert.Null(folder.WhyBarred);
        File.SetUnixFileMode(In("above"), All);
        Assert.Contains($"chmod go-w {In("above")}", folder.WhyBarred, StringComparison.Ordinal);
        Directory.Move(In("above"), In("moved"));
        Assert.Null(folder.WhyBarred);
        Assert.False(folder.IsInPlace);
        Directory.CreateDirectory(In("above/run"), Private);
        Assert.Null(folder.WhyBarred);
    }

    [Fact]
    public void AFileByItsNameIsOpenedWithoutLinksOnTheWay()
    {
        Directory.CreateDirectory(In("logs"));
        File.WriteAllText(In("logs/out"), "");
        Posix.Close(Posix.OpenOurs(In("logs/out"), Posix.WriteOnly));
        File.CreateSymbolicLink(In("logs/link"), In("logs/out"));
        File.CreateSymbolicLink(In("elsewhere"), In("logs"));
        foreach (var path in new[] { "logs/link", "elsewhere/out" })
        {
            Assert.Contains(
                Assert.Throws<PosixException>(() => Posix.OpenOurs(In(path), Posix.WriteOnly)).Errno, new[] { Posix.Eloop, Posix.Enotdir });
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void NothingBelowIsReachedByALink(bool newKernel)
    {
        var before = Posix.UsesOpen2;
        Posix.UsesOpen2 &= newKernel;
        Directory.CreateDirectory(In("victim/deep"), Private);
        File.WriteAllText(In("victim/file"), "precious");
        using var folder = Open(In("run"), make: true);
        File.CreateSymbolicLink(In("run/folder"), In("victim"));
        File.CreateSymbolicLink(In("run/file"), In("victim/file"));
        Assert.Throws<PosixException>(() => (folder.Root / "file").Open(Posix.ReadOnly));
        Assert.Throws<PosixException>(() => (folder.Root / "folder/file").Open(Posix.ReadOnly));
        Assert.Throws<PosixException>(() => (folder.Root / "../victim/file").Open(Posix.ReadOnly));
        Assert.Throws<PosixException>(() => (folder.Root / "folder/new").MakeFolder());
        Assert.Throws<PosixException>(() => (folder.Root / "folder").Names());
        Assert.False((folder.Root / "folder/file").Unlink());
        Assert.True((folder.Root / "folder").RemoveTree());
        (folder.Root / "a/b").MakeFolder();
        (folder.Root / "a/b/own").WriteAll("own"u8);
        Assert.Equal("own"u8.ToArray(), (folder.Root / "a/b/own").ReadAll(3));
        Posix.UsesOpen2 = before;
        Assert.Equal("precious", File.ReadAllText(In("victim/file")));
        Assert.True(Directory.Exists(In("victim/deep")));
    }

    [Fact]
    public void TreesAreRemovedWithTheirLinks()
    {
        Directory.CreateDirectory(In("victim/deep"), Private);
        using var folder = Open(In("run"), make: true);
        (folder.Root / "a/b/c").MakeFolder();
        (folder.Root / "a/b/file").WriteAll("x"u8);
        File.CreateSymbolicLink(In("run/a/b/link"), In("victim"));
        Assert.True((folder.Root / "a").RemoveTree());
        Assert.False((folder.Root / "a").RemoveTree());
        Assert.Empty(folder.Root.Names());
        Assert.True(Directory.Exists(In("victim/deep")));
    }

    [Fact]
    public void ContentIsReadOnlyOfFilesThatNobodyElseCanWrite()
    {
        using var folder = Open(In("run"), make: true);
        var file = folder.Root / "file";
        file.WriteAll("content"u8);
        Assert.Equal("content"u8.ToArray(), file.ReadAll(7));
        Assert.Contains("at most 6", Assert.Throws<IOException>(() => file.ReadAll(6)).Message, StringComparison.Ordinal);
        File.SetUnixFileMode(In("run/file"), All);
        Assert.Contains("0777", Assert.Throws<IOException>(() => file.ReadAll(7)).Message, StringComparison.Ordinal);
        (folder.Root / "folder").MakeFolder();
        Assert.ThrowsAny<IOException>(() => (folder.Root / "folder").ReadAll(1 << 20));
    }

    [RootFact]
    public void ContentOfAnotherUsersFileIsNotRead()
    {
        using var folder = Open(In("run"), make: true);
        (folder.Root / "file").WriteAll("forged"u8);
        File.SetUnixFileMode(_root, Private | UnixFileMode.OtherExecute);
        using var chown = System.Diagnostics.Process.Start("chown", ["nobody", In("run/file")]);
        chown.WaitForExit();
        Assert.Contains("nobody", Assert.Throws<IOException>(() => (folder.Root / "file").ReadAll(99)).Message, StringComparison.Ordinal);
        Assert.Equal(Posix.Eperm, Assert.Throws<PosixException>(() => Posix.OpenOurs(In("run/file"), Posix.WriteOnly)).Errno);
    }

    [Fact]
    public void FinalNamesAreNeverTakenTwice()
    {
        using var folder = Open(In("run"), make: true);
        var (first, second, final) = (folder.Root / "1", folder.Root / "2", folder.Root / "below/final");
        (folder.Root / "below").MakeFolder();
        first.WriteAll("1"u8);
        second.WriteAll("2"u8);
        Assert.True(first.RenameIfFree(final));
        Assert.False(second.RenameIfFree(final));
        Assert.Throws<PosixException>(() => first.RenameIfFree(final));
        Assert.True(second.Rename(final));
        Assert.Equal("2"u8.ToArray(), final.ReadAll(9));
        Assert.False(second.Exists);
    }

    [Fact]
    public void DescriptorMovesOutOfTheWay()
    {
        using var folder = Open(In("run"), make: true);
        folder.MoveDescriptor(700);
        Assert.InRange(folder.Descriptor, 700, 1023);
        Assert.True((folder.Root / "still").MakeFolder());
    }
}
