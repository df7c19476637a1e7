using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace RmwCkpt.Memory;

/// <summary>Unix sockets: who is at the other end, also by netlink (sock_diag(7)).</summary>
public static unsafe partial class Posix
{
    /// <summary>Who is at the other end of a Unix socket, by SO_PEERCRED: process id (0: of no namespace of ours) and user.</summary>
    public static (int Pid, uint User) Peer(int socket)
    {
        var credentials = stackalloc int[3];
        var length = 12u;
        return C.getsockopt(socket, 1, 17, credentials, &length) == 0
            ? (credentials[0], (uint)credentials[1])
            : throw Failed("ask who the client is");
    }

    /// <summary>The inode of the Unix socket that another one of this network namespace is connected to; null: of none, or not known.</summary>
    public static uint? UnixPeer(uint inode)
    {
        const int RequestSize = 40;
        const int Diag = 4;
        const short Peer = 2;
        var fd = D.socket(16, 3 | CloseOnExec, Diag);
        if (fd < 0)
        {
            return null;
        }
        try
        {
            // nlmsghdr (16): length, type SOCK_DIAG_BY_FAMILY, flags REQUEST; unix_diag_req (24): family, states, inode,
            // what to show (the peer), cookie.
            Span<byte> request = stackalloc byte[RequestSize];
            request.Clear();
            BinaryPrimitives.WriteInt32LittleEndian(request, RequestSize);
            BinaryPrimitives.WriteInt16LittleEndian(request[4..], 20);
            BinaryPrimitives.WriteInt16LittleEndian(request[6..], 1);
            request[16] = 1;
            BinaryPrimitives.WriteInt32LittleEndian(request[20..], -1);
            BinaryPrimitives.WriteUInt32LittleEndian(request[24..], inode);
            BinaryPrimitives.WriteInt32LittleEndian(request[28..], 4);
            BinaryPrimitives.WriteInt64LittleEndian(request[32..], -1);
            Span<byte> reply = stackalloc byte[512];
            nint got;
            fixed (byte* from = request)
            fixed (byte* to = reply)
            {
                got = D.send(fd, from, RequestSize, 0) == RequestSize ? D.recv(fd, to, (nuint)reply.Length, 0) : -1;
            }
            // nlmsghdr, unix_diag_msg (16), then attributes: length, type, value.
            for (var at = 32; at + 8 <= got && BinaryPrimitives.ReadInt16LittleEndian(reply[4..]) == 20;)
            {
                var length = BinaryPrimitives.ReadUInt16LittleEndian(reply[at..]);
                if (BinaryPrimitives.ReadInt16LittleEndian(reply[(at + 2)..]) == Peer)
                {
                    return BinaryPrimitives.ReadUInt32LittleEndian(reply[(at + 4)..]) is not 0 and var peer ? peer : null;
                }
                at += Math.Max(4, (length + 3) & ~3);
            }
            return null;
        }
        finally
        {
            Close(fd);
        }
    }

    private static partial class D
    {
        [LibraryImport("libc")]
        public static partial int socket(int domain, int type, int protocol);

        [LibraryImport("libc")]
        public static partial nint send(int fd, void* data, nuint size, int flags);

        [LibraryImport("libc")]
        public static partial nint recv(int fd, void* data, nuint size, int flags);
    }
}
