using System.Runtime.InteropServices;

namespace RmwCkpt.Memory;

/// <summary>Memory mappings.</summary>
public static unsafe partial class Posix
{
    internal static nint Map(int fd, int length, bool writable, string path, bool populate = false)
    {
        var address = mmap(0, length, writable ? 3 : 1, populate ? 0x8001 : 1, fd, 0);
        return address != -1 ? address : throw Failed($"map {length} bytes of {path}");
    }

    /// <summary>Maps part of a file over what is there, in one step.</summary>
    internal static void MapOver(nint address, int length, int fd, int offset, bool shared, string path, bool writable = true)
    {
        if (mmap(address, length, writable ? 3 : 1, shared ? 0x11 : 0x12, fd, offset) == -1)
        {
            throw Failed($"map {length} bytes of {path} again");
        }
    }

    /// <summary>Maps what is mapped shared once more, elsewhere.</summary>
    internal static nint MapTwice(nint address, int length, string path)
    {
        var twin = mremap(address, 0, length, 1);
        return twin != -1 ? twin : throw Failed($"map {length} bytes of {path} once more");
    }

    internal static void Unmap(nint address, int length) => munmap(address, length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mmap(nint address, nint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mremap(nint address, nint length, nint newLength, int flags);

    [LibraryImport("libc")]
    private static partial int munmap(nint address, nint length);
}
