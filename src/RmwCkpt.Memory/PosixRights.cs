using System.Runtime.InteropServices;

namespace RmwCkpt.Memory;

/// <summary>Capabilities that are asked for by name.</summary>
public enum Capability
{
    SetGid = 6,
    SetPcap = 8,
}

/// <summary>
/// What a thread may do, and what it may not take back. On Linux these belong to each thread; the C library's own functions
/// for groups change all threads of the process, so those go past it.
/// </summary>
public static unsafe partial class Posix
{
    private const int Capabilities = 64;

    public static void SetThreadGroups(ReadOnlySpan<uint> groups)
    {
        fixed (uint* p = groups)
        {
            if (syscall(Abi.Own.SetGroups, groups.Length, (nint)p, 0, 0, 0, 0) != 0)
            {
                throw Failed("set the groups of a process that is started again");
            }
        }
    }

    public static void SetThreadGroup(uint real, uint effective, uint saved)
    {
        if (syscall(Abi.Own.SetResGid, (nint)real, (nint)effective, (nint)saved, 0, 0, 0) != 0)
        {
            throw Failed("set the group of a process that is started again");
        }
    }

    /// <summary>Takes from the bounding set what is in <paramref name="has"/> and not in <paramref name="bounding"/>.</summary>
    public static void BoundThreadCapabilities(ulong bounding, ulong has)
    {
        const int DropFromBoundingSet = 24;
        for (var i = 0; i < Capabilities; i++)
        {
            if (((has & ~bounding) >> i & 1) != 0 && prctl(DropFromBoundingSet, i, 0, 0, 0) != 0)
            {
                throw Failed("bound the capabilities of a process that is started again");
            }
        }
    }

    /// <summary>Sets the capability sets; effective is permitted.</summary>
    public static void SetThreadCapabilities(ulong permitted, ulong inheritable, ulong ambient)
    {
        const int Ambient = 47;
        const int Raise = 2;
        const int ClearAll = 4;
        // struct __user_cap_header_struct of version 3, and two of __user_cap_data_struct: effective, permitted, inheritable.
        var header = stackalloc uint[] { 0x20080522, 0 };
        var data = stackalloc uint[]
        {
            (uint)permitted, (uint)permitted, (uint)inheritable,
            (uint)(permitted >> 32), (uint)(permitted >> 32), (uint)(inheritable >> 32),
        };
        if (prctl(Ambient, ClearAll, 0, 0, 0) != 0 || capset(header, data) != 0)
        {
            throw Failed("set the capabilities of a process that is started again");
        }
        for (var i = 0; i < Capabilities; i++)
        {
            if ((ambient >> i & 1) != 0 && prctl(Ambient, Raise, i, 0, 0) != 0)
            {
                throw Failed("set the ambient capabilities of a process that is started again");
            }
        }
    }

    /// <summary>No program that it starts gets more than it has.</summary>
    public static void ForgoNewPrivileges()
    {
        const int NoNewPrivileges = 38;
        if (prctl(NoNewPrivileges, 1, 0, 0, 0) != 0)
        {
            throw Failed("forgo new privileges");
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int capset(uint* header, uint* data);
}
