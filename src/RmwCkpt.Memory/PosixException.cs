namespace RmwCkpt.Memory;

/// <summary>A failed system call: what was tried on what, and errno's meaning.</summary>
public sealed class PosixException : IOException
{
    public PosixException(int errno, string what)
        : base($"{what}: {Describe(errno)}") => Errno = errno;

    public PosixException()
    {
    }

    public PosixException(string message)
        : base(message)
    {
    }

    public PosixException(string message, Exception inner)
        : base(message, inner)
    {
    }

    public int Errno { get; }

    private static string Describe(int errno) => errno switch
    {
        Posix.Enospc => "no space left (free some, or set RMW_CKPT_DIR to a larger file system)",
        Posix.Eacces or Posix.Eperm => "permission denied",
        Posix.Enoent => "no such file or folder",
        Posix.Eexist => "it exists already",
        Posix.Emfile => "too many open files",
        Posix.Enomem => "out of memory",
        _ => System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(errno),
    };
}
