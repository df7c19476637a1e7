using System.Runtime.InteropServices;

namespace RmwCkpt.Memory;

/// <summary>What several parts declare of the C library, by other types of arguments than a part that has it too.</summary>
public static unsafe partial class Posix
{
    /// <summary>In a class of its own, so that other parts of Posix may have their own declarations of the same.</summary>
    private static partial class C
    {
        [LibraryImport("libc", SetLastError = true)]
        public static partial int getsockopt(int socket, int level, int name, void* value, uint* length);

        [LibraryImport("libc")]
        public static partial int getrlimit(int resource, ulong* limits);

        [LibraryImport("libc")]
        public static partial int setrlimit(int resource, ulong* limits);

        [LibraryImport("libc", EntryPoint = "signal")]
        public static partial nint signal_(int signal, nint handler);

        [LibraryImport("libc", SetLastError = true)]
        public static partial int ftruncate(int fd, long length);

        [LibraryImport("libc", SetLastError = true)]
        public static partial int fsync(int fd);

        [LibraryImport("libc")]
        public static partial nint pwrite(int fd, void* data, nuint size, long offset);

        [LibraryImport("libc")]
        public static partial nint pread(int fd, void* data, nuint size, long offset);

        [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        public static partial int execve(string program, byte** arguments, byte** environment);

        [LibraryImport("libc", SetLastError = true)]
        public static partial int ioctl(int fd, nuint request, void* argument);

        [LibraryImport("libc")]
        public static partial int fcntl(int fd, int command, nint value);

        [LibraryImport("libc", SetLastError = true)]
        public static partial int eventfd(uint value, int flags);

        [LibraryImport("libc")]
        public static partial int setpriority(int which, int pid, int nice);

        [LibraryImport("libc", SetLastError = true)]
        public static partial nint write(int fd, void* data, nuint size);

        [LibraryImport("libc", SetLastError = true)]
        public static partial nint read(int fd, void* data, nuint size);

        [LibraryImport("libc")]
        public static partial int posix_spawn_file_actions_init(void* actions);

        [LibraryImport("libc")]
        public static partial int posix_spawn_file_actions_destroy(void* actions);

        [LibraryImport("libc")]
        public static partial int posix_spawn_file_actions_adddup2(void* actions, int source, int target);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        public static partial int posix_spawn_file_actions_addopen(void* actions, int fd, string path, int flags, int mode);

        [LibraryImport("libc")]
        public static partial int posix_spawn_file_actions_addclosefrom_np(void* actions, int from);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        public static partial int posix_spawn_file_actions_addchdir_np(void* actions, string folder);

        [LibraryImport("libc")]
        public static partial int posix_spawnattr_init(void* attributes);

        [LibraryImport("libc")]
        public static partial int posix_spawnattr_destroy(void* attributes);

        [LibraryImport("libc")]
        public static partial int posix_spawnattr_setflags(void* attributes, short flags);

        [LibraryImport("libc")]
        public static partial int posix_spawnattr_setsigmask(void* attributes, void* signals);

        [LibraryImport("libc")]
        public static partial int posix_spawnattr_setsigdefault(void* attributes, void* signals);

        [LibraryImport("libc")]
        public static partial int sigemptyset(void* signals);

        [LibraryImport("libc")]
        public static partial int sigfillset(void* signals);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        public static partial int posix_spawn(
            int* pid, string program, void* actions, void* attributes, byte** arguments, byte** environment);
    }
}
