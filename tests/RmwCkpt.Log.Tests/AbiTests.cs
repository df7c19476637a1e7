using System.Runtime.InteropServices;
using RmwCkpt.Memory;

namespace RmwCkpt.Log.Tests;

/// <summary>The numbers by which the kernel is asked, of both architectures, as its headers have them.</summary>
public sealed class AbiTests
{
    [Fact]
    public void X64HasItsNumbers() => Assert.Equal(
        [0x10000, 0x20000, 116, 119, 125, 126, 202, 203, 204, 231], Numbers(Abi.For(Architecture.X64)));

    [Fact]
    public void Arm64HasItsNumbers() => Assert.Equal(
        [0x4000, 0x8000, 159, 149, 90, 91, 98, 122, 123, 94], Numbers(Abi.For(Architecture.Arm64)));

    [Fact]
    public void OthersAreRefusedByName() => Assert.Contains(
        "not on S390x", Assert.Throws<PlatformNotSupportedException>(() => Abi.For(Architecture.S390x)).Message, StringComparison.Ordinal);

    /// <summary>The flag that the kernel is given is the one that it means here.</summary>
    [Fact]
    public void OwnFlagDoesWhatItIsFor()
    {
        var root = Posix.OpenRoot();
        var file = Posix.OpenAt(root, "etc/passwd", Posix.FolderOnly);
        var error = Posix.LastError;
        var folder = Posix.OpenAt(root, "etc", Posix.FolderOnly);
        Posix.Close(folder);
        Posix.Close(root);
        Assert.Equal((-1, Posix.Enotdir, true), (file, error, folder >= 0));
    }

    /// <summary>A thread's processors are asked by number, and .NET counts the same.</summary>
    [Fact]
    public void OwnCallsDoWhatTheyAreFor() =>
        Assert.Equal(Environment.ProcessorCount, Posix.Affinity(0).Sum(x => System.Numerics.BitOperations.PopCount(x)));

    private static IEnumerable<int> Numbers(Abi abi) =>
    [
        abi.FolderOnly, abi.NoFollow, (int)abi.SetGroups, (int)abi.SetResGid, (int)abi.CapGet, (int)abi.CapSet, (int)abi.Futex,
        (int)abi.SetAffinity, (int)abi.GetAffinity, (int)abi.ExitGroup,
    ];
}
