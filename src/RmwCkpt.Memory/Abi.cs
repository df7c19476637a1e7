using System.Runtime.InteropServices;

namespace RmwCkpt.Memory;

/// <summary>
/// What of Linux differs between x86-64 and aarch64: two of open(2)'s flags, and the numbers of system calls that are older
/// than both. All else that <see cref="Posix"/> knows by number, newer calls (from 424 on) and layouts included, is the same.
/// </summary>
internal sealed record Abi
{
    public static readonly Abi X64 = new()
    {
        FolderOnly = 0x10000, NoFollow = 0x20000,
        SetGroups = 116, SetResGid = 119, CapGet = 125, CapSet = 126, Futex = 202, SetAffinity = 203, GetAffinity = 204, ExitGroup = 231,
    };

    public static readonly Abi Arm64 = new()
    {
        FolderOnly = 0x4000, NoFollow = 0x8000,
        SetGroups = 159, SetResGid = 149, CapGet = 90, CapSet = 91, Futex = 98, SetAffinity = 122, GetAffinity = 123, ExitGroup = 94,
    };

    /// <summary>This process' own.</summary>
    public static readonly Abi Own = For(RuntimeInformation.ProcessArchitecture);

    /// <summary>O_DIRECTORY.</summary>
    public required int FolderOnly { get; init; }

    /// <summary>O_NOFOLLOW.</summary>
    public required int NoFollow { get; init; }

    public required nint SetGroups { get; init; }

    public required nint SetResGid { get; init; }

    public required nint CapGet { get; init; }

    public required nint CapSet { get; init; }

    public required nint Futex { get; init; }

    public required nint SetAffinity { get; init; }

    public required nint GetAffinity { get; init; }

    public required nint ExitGroup { get; init; }

    /// <exception cref="PlatformNotSupportedException">It is another one: its numbers would do something else.</exception>
    public static Abi For(Architecture architecture) => architecture switch
    {
        Architecture.X64 => X64,
        Architecture.Arm64 => Arm64,
        _ => throw new PlatformNotSupportedException($"rmw_ckpt runs on x86-64 and aarch64, not on {architecture}"),
    };
}
