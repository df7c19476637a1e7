using System.Net.Sockets;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using RmwCkpt.Master.Registry;
using RmwCkpt.Memory;
using RmwCkpt.Registry.Protocol;

namespace RmwCkpt.Master;

/// <summary>Who is at the other end of a connection.</summary>
public sealed record Peer(int Pid, uint User);

/// <summary>Answers a request; progress goes to the client while it is under way.</summary>
public delegate Task<Reply> RequestHandler(Peer peer, Request request, Func<string, Task> progress, CancellationToken cancel);

/// <summary>
/// The registry's socket: one request a connection. Connections are served beside each other, and one that says nothing
/// costs nobody else anything. Whatever a client sends, only its own connection is dropped.
/// </summary>
public sealed class RegistryServer(string path, RequestHandler handler, ILogger log) : IDisposable
{
    public const int LargestRequest = 16 << 20;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _stopping = new();
    private Task _accepting = Task.CompletedTask;

    /// <summary>For tests, which have no processes to be their peers.</summary>
    internal Func<Socket, Peer> PeerOf { get; set; } = socket =>
    {
        var (pid, user) = Posix.Peer((int)socket.Handle);
        return new Peer(pid, user);
    };

    /// <summary>Makes the socket's file, in place of a dead master's. From here on clients' connections wait for an answer.</summary>
    public void Listen()
    {
        Posix.TryUnlink(path);
        _socket.Bind(new UnixDomainSocketEndPoint(path));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        _socket.Listen(1024);
    }

    public void Start() => _accepting = Accept();

    /// <summary>Stops listening. Requests under way are cut off: their clients ask the next master.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        _socket.Dispose();
        _accepting.Wait(TimeSpan.FromSeconds(1));
        _stopping.Dispose();
    }

    private async Task Accept()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var client = await _socket.AcceptAsync(_stopping.Token).ConfigureAwait(false);
                _ = Serve(client);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                // Out of descriptors, most likely: those of the requests under way are soon free again.
                log.Unexpected("accepting a connection", e);
                await Task.Delay(20).ConfigureAwait(false);
            }
        }
    }

    private async Task Serve(Socket client)
    {
        var peer = new Peer(0, uint.MaxValue);
        try
        {
            using (client)
            {
                peer = PeerOf(client);
                if (peer.User != Posix.UserId)
                {
                    log.Dropped(peer.Pid, $"it is user {peer.User}'s");
                    return;
                }
                var request = await Read(client).ConfigureAwait(false);
                if (request is not null)
                {
                    var reply = await Answer(peer, request, client).ConfigureAwait(false);
                    await Send(client, reply).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException
            or InvalidProtocolBufferException or InvalidDataException or IOException)
        {
            if (!_stopping.IsCancellationRequested)
            {
                log.Dropped(peer.Pid, e is OperationCanceledException ? "it says nothing" : e.Message);
            }
        }
        catch (Exception e)
        {
            log.Unexpected($"serving pid {peer.Pid}", e);
        }
    }

    private async Task<Reply> Answer(Peer peer, Request request, Socket client)
    {
        try
        {
            return await handler(
                peer, request, text => Send(client, new Reply { More = true, Progress = text }), _stopping.Token)
                .ConfigureAwait(false);
        }
        catch (RequestException e)
        {
            log.Refused(request.WhatCase.ToString(), peer.Pid, e.Message);
            return new Reply { Error = e.Message };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Unexpected($"{request.WhatCase} of pid {peer.Pid}", e);
            return new Reply { Error = $"the master could not do it: {e.Message}" };
        }
    }

    /// <summary>Reads one length-prefixed request; null when the client closed without a word.</summary>
    private static async Task<Request?> Read(Socket client)
    {
        using var timeout = new CancellationTokenSource(s_patience);
        var buffer = new byte[4096];
        var filled = 0;
        while (true)
        {
            var (length, prefix) = Prefix(buffer.AsSpan(0, filled));
            if (prefix > 0)
            {
                if (length > LargestRequest)
                {
                    throw new InvalidDataException($"it announces a request of {length} bytes");
                }
                if (filled >= prefix + length)
                {
                    return Request.Parser.ParseFrom(buffer, prefix, length);
                }
                if (buffer.Length < prefix + length)
                {
                    Array.Resize(ref buffer, prefix + length);
                }
            }
            var n = await client.ReceiveAsync(buffer.AsMemory(filled), timeout.Token).ConfigureAwait(false);
            if (n == 0)
            {
                return filled == 0 ? null : throw new InvalidDataException("it breaks off in the middle of a request");
            }
            filled += n;
        }
    }

    /// <summary>The varint at the start: its value, and how many bytes it has (0: it is not all there).</summary>
    private static (int Length, int Bytes) Prefix(ReadOnlySpan<byte> bytes)
    {
        var value = 0u;
        for (var i = 0; i < Math.Min(bytes.Length, 5); i++)
        {
            value |= (uint)(bytes[i] & 0x7f) << (7 * i);
            if ((bytes[i] & 0x80) == 0)
            {
                return value <= int.MaxValue ? ((int)value, i + 1) : throw new InvalidDataException("its length is negative");
            }
        }
        return bytes.Length < 5 ? (0, 0) : throw new InvalidDataException("it does not begin with a length");
    }

    private static async Task Send(Socket client, Reply reply)
    {
        using var timeout = new CancellationTokenSource(s_patience);
        using var buffer = new MemoryStream();
        reply.WriteDelimitedTo(buffer);
        var bytes = buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
        while (bytes.Length > 0)
        {
            bytes = bytes[await client.SendAsync(bytes, timeout.Token).ConfigureAwait(false)..];
        }
    }
}
