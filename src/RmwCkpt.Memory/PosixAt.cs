using System.Runtime.InteropServices;
using System.Text;

namespace RmwCkpt.Memory;

/// <summary>Calls that name a file by a folder's descriptor and what it is called there. None of them follows a link.</summary>
public static unsafe partial class Posix
{
    internal const int PathOnly = 0x200000;
    internal const int Eloop = 40;
    internal const int Enotdir = 20;
    private const int CurrentFolder = -100;
    private const int EmptyPath = 0x1000;

    /// <summary>Whether openat2(2) is used. Tests do without.</summary>
    internal static bool UsesOpen2 { get; set; } = HasOpen2();

    internal static int FolderOnly => Abi.Own.FolderOnly;

    internal static int NoFollow => Abi.Own.NoFollow;

    /// <summary>Opens what a name of one or more parts stands for below a folder; -1 with errno. ELOOP, ENOTDIR: a link is among them.</summary>
    internal static int OpenAt(int folder, string name, int flags, int mode = 0)
    {
        if (UsesOpen2)
        {
            // struct open_how; RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH.
            var how = stackalloc ulong[] { (uint)(flags | CloseOnExec), (uint)mode, 0x02 | 0x04 | 0x08 };
            return openat2(437, folder, name, how, 24);
        }
        var parts = name.Split('/');
        var at = folder;
        foreach (var part in parts.AsSpan(0, parts.Length - 1))
        {
            var next = part == ".." ? -1 : openat(at, part, PathOnly | FolderOnly | NoFollow | CloseOnExec, 0);
            var error = part == ".." ? Eloop : Marshal.GetLastPInvokeError();
            CloseUnless(at, folder);
            if (next < 0)
            {
                Marshal.SetLastPInvokeError(error);
                return -1;
            }
            at = next;
        }
        var fd = openat(at, parts[^1], flags | NoFollow | CloseOnExec, mode);
        var errno = Marshal.GetLastPInvokeError();
        CloseUnless(at, folder);
        Marshal.SetLastPInvokeError(errno);
        return fd;
    }

    /// <summary>One part of a path: what is there, be it a link, opened for nothing but being looked at; -1 with errno.</summary>
    internal static int OpenPart(int folder, string part) => openat(folder, part, PathOnly | NoFollow | CloseOnExec, 0);

    internal static int OpenRoot() => openat(CurrentFolder, "/", PathOnly | FolderOnly | CloseOnExec, 0);

    /// <summary>Opens what an absolute path without links leads to, if it is this user's or root's.</summary>
    /// <exception cref="PosixException">It cannot be opened, has a link in it (ELOOP), or is another user's (EPERM).</exception>
    public static int OpenOurs(string path, int flags)
    {
        var root = OpenRoot();
        var fd = OpenAt(root, path.TrimStart('/'), flags);
        var error = fd < 0 ? LastError : 0;
        CloseUnless(root, -1);
        if (fd >= 0 && (Facts(fd) is not { } facts || (facts.Owner != UserId && facts.Owner != 0)))
        {
            Close(fd);
            error = Eperm;
        }
        return error == 0 ? fd : throw new PosixException(error, $"open {path}");
    }

    /// <summary>The same folder, opened anew so that it can be read and has a position of its own; -1 with errno.</summary>
    internal static int OpenAgain(int folder) => openat(folder, ".", ReadOnly | FolderOnly | CloseOnExec, 0);

    /// <summary>What an open file or folder is; null with errno.</summary>
    public static FileFacts? Facts(int fd) => Facts(fd, "");

    /// <summary>What has a path, which may be a link; null: nothing. For hints, not for trust.</summary>
    public static FileFacts? FactsOf(string path) => Facts(CurrentFolder, path);

    internal static FileFacts? Facts(int folder, string name)
    {
        // statx(2): the one stat whose layout is the same on every architecture. 0x100: not following a link.
        const ulong MountRoot = 0x2000;
        var buffer = stackalloc byte[256];
        return statx(folder, name, 0x100 | EmptyPath, 0x7ff, buffer) != 0
            ? null
            : new FileFacts(
                (*(uint*)(buffer + 136), *(uint*)(buffer + 140), *(ulong*)(buffer + 32)), *(uint*)(buffer + 20), *(uint*)(buffer + 24),
                *(ushort*)(buffer + 28), *(long*)(buffer + 40),
                (*(long*)(buffer + 96) * 1_000_000_000) + *(uint*)(buffer + 104), (*(ulong*)(buffer + 8) & MountRoot) != 0);
    }

    /// <summary>Where a link, opened by <see cref="OpenPart"/>, leads; null with errno.</summary>
    internal static string? LinkTarget(int link)
    {
        const int Most = 4096;
        var buffer = stackalloc byte[Most];
        var n = readlinkat(link, "", buffer, Most);
        return n is > 0 and < Most ? Encoding.UTF8.GetString(buffer, (int)n) : null;
    }

    internal static bool MakeFolderAt(int folder, string part) => mkdirat(folder, part, 0x1c0) == 0;

    internal static bool UnlinkAt(int folder, string part, bool isFolder) => unlinkat(folder, part, isFolder ? 0x200 : 0) == 0;

    internal static bool RenameAt(int from, string fromPart, int to, string toPart, bool ifFree) =>
        renameat2(from, fromPart, to, toPart, ifFree ? 1u : 0) == 0;

    /// <summary>The names in a folder. Takes over the descriptor.</summary>
    internal static List<string> Names(int folder, string path)
    {
        var names = new List<string>();
        var stream = fdopendir(folder);
        if (stream == 0)
        {
            var error = Marshal.GetLastPInvokeError();
            Close(folder);
            throw new PosixException(error, $"read the folder {path}");
        }
        // struct dirent64: u64 inode, i64 offset, u16 length, u8 kind, then the name.
        for (byte* entry; (entry = readdir64(stream)) is not null;)
        {
            if (Marshal.PtrToStringUTF8((nint)(entry + 19)) is { Length: > 0 } name and not ("." or ".."))
            {
                names.Add(name);
            }
        }
        _ = closedir(stream);
        return names;
    }

    /// <summary>Gives a descriptor another number, the first free one from <paramref name="least"/> on; -1 with errno, and it is as it was.</summary>
    internal static int Renumber(int fd, int least)
    {
        const int DuplicateCloseOnExec = 1030;
        var moved = fcntl(fd, DuplicateCloseOnExec, least);
        if (moved >= 0)
        {
            Close(fd);
        }
        return moved;
    }

    /// <summary>Makes a number stand for what a descriptor is open on, in one step.</summary>
    internal static bool ReplaceDescriptor(int fd, int number) => dup3(fd, number, CloseOnExec) >= 0;

    /// <summary>Whether an open folder has no name any more.</summary>
    internal static bool IsRemoved(int fd)
    {
        const int Links = 4;
        var buffer = stackalloc byte[256];
        return statx(fd, "", EmptyPath, Links, buffer) == 0 && *(uint*)(buffer + 16) == 0;
    }

    /// <summary>How many descriptors this process may have, now.</summary>
    public static long DescriptorLimit()
    {
        var limit = stackalloc ulong[2];
        return getrlimit(7, limit) == 0 ? (long)Math.Min(limit[0], int.MaxValue) : 1024;
    }

    /// <summary>Whether a folder has a list of rights beside those of its mode (acl(5)).</summary>
    internal static bool HasAccessList(int fd) => getxattr($"/proc/self/fd/{fd}", "system.posix_acl_access", null, 0) > 0;

    /// <summary>errno of the last call here of this thread.</summary>
    public static int LastError
    {
        get => Marshal.GetLastPInvokeError();
        set => Marshal.SetLastPInvokeError(value);
    }

    private static void CloseUnless(int fd, int kept)
    {
        if (fd != kept)
        {
            Close(fd);
        }
    }

    private static bool HasOpen2()
    {
        // Not before Linux 5.6, and not where a seccomp filter does not know it.
        var how = stackalloc ulong[] { (uint)(PathOnly | CloseOnExec), 0, 0 };
        var fd = openat2(437, CurrentFolder, "/", how, 24);
        CloseUnless(fd, -1);
        return fd >= 0;
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int openat2(nint number, nint folder, string path, ulong* how, nint size);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int openat(int folder, string path, int flags, int mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint readlinkat(int folder, string path, byte* buffer, nuint size);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkdirat(int folder, string path, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int unlinkat(int folder, string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint fdopendir(int fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial byte* readdir64(nint stream);

    [LibraryImport("libc")]
    private static partial int closedir(nint stream);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int command, nint value);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int dup3(int fd, int number, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int getrlimit(int resource, ulong* limit);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint getxattr(string path, string name, byte* value, nuint size);
}
