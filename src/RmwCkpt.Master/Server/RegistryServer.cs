using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Server;

/// <summary>Who is at the other end of a connection.</summary>
public sealed record Peer(int Pid, uint User);

/// <summary>Answers a request; progress goes to the client while it is under way.</summary>
public delegate Task<Reply> RequestHandler(Peer peer, Request request, Func<string, Task> progress, CancellationToken cancel);

/// <summary>
/// The registry's socket: one request a connection. One thread reads all requests as their bytes come, so that a client
/// that says nothing costs nobody else anything, and answers those of nodes and endpoints itself: a program makes
/// thousands. The others are answered beside it. Whatever a client sends, only its own connection is dropped.
/// </summary>
public sealed class RegistryServer(TrustedPath path, RequestHandler handler, ILogger log) : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _stopping = new();
    private readonly int _waker = Posix.MakeWaker();
    private readonly List<Connection> _reading = [];
    private Thread? _thread;

    /// <summary>For tests, which have no processes to be their peers.</summary>
    internal Func<Socket, Peer> PeerOf { get; set; } = socket =>
    {
        var (pid, user) = Posix.Peer((int)socket.Handle);
        return new Peer(pid, user);
    };

    /// <summary>
    /// Makes the socket's file, in place of a dead master's. From here on clients' connections wait for an answer. The file
    /// stays when this master ends: .NET removes a socket's file by the name that it was made with, and by then one of that
    /// name may be another master's, where somebody has removed the run folder under this one.
    /// </summary>
    public void Listen()
    {
        var made = path.Parent / "new.sock";
        made.Unlink();
        _socket.Bind(new UnixDomainSocketEndPoint(made.DescriptorPath));
        File.SetUnixFileMode(made.DescriptorPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        _socket.Listen(1024);
        if (!made.Rename(path))
        {
            throw new IOException($"{made} is gone: the run folder was removed");
        }
    }

    public void Start()
    {
        _thread = new Thread(Run) { Name = "requests", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Stops listening. Requests under way are cut off: their clients ask the next master.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        Posix.Wake(_waker);
        _thread?.Join();
        _socket.Dispose();
        _reading.ForEach(x => x.Dispose());
        Posix.Close(_waker);
        _stopping.Dispose();
    }

    private void Run()
    {
        while (!_stopping.IsCancellationRequested)
        {
            int[] fds = [_waker, (int)_socket.Handle, .. _reading.Select(x => x.Descriptor)];
            var ready = new bool[fds.Length];
            var now = Clock.Steady;
            var timeout = _reading.Count == 0 ? -1 : (int)Math.Max(0, (_reading[0].Deadline - now) / 1_000_000) + 1;
            Posix.Poll(fds, ready, timeout);
            try
            {
                Handle(ready, now);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.TooManyOpenSockets)
            {
                // Those of the requests under way are soon free again.
                log.OutOfDescriptors(Posix.DescriptorLimit(), Posix.DescriptorRemedy);
                Thread.Sleep(20);
            }
            catch (Exception e)
            {
                log.Unexpected("reading requests", e);
                Thread.Sleep(20);
            }
        }
    }

    /// <summary>Does what a poll begun at <paramref name="begun"/> says is to be done.</summary>
    private void Handle(bool[] ready, long begun)
    {
        // From the last to the first, for those that have been read leave the list.
        for (var i = _reading.Count - 1; i >= 0; i--)
        {
            if (ready[i + 2])
            {
                Read(_reading[i]);
            }
            else if (_reading[i].Deadline < begun)
            {
                Drop(_reading[i], "it says nothing");
            }
        }
        if (ready[1])
        {
            Accept();
        }
    }

    private void Accept()
    {
        var client = _socket.Accept();
        try
        {
            var connection = new Connection(client, PeerOf(client), Clock.Steady + (s_patience.Ticks * 100));
            _reading.Add(connection);
            if (connection.Peer.User != Posix.UserId)
            {
                Drop(connection, $"it is user {connection.Peer.User}'s");
            }
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Reads what has come; a whole request is answered, and its connection has been read.</summary>
    private void Read(Connection connection)
    {
        try
        {
            var request = connection.Read();
            if (request is not null)
            {
                _reading.Remove(connection);
                _ = Serve(connection, request);
            }
            else if (connection.HasEnded)
            {
                _reading.Remove(connection);
                connection.Dispose();
            }
        }
        catch (Exception e)
        {
            Drop(connection, e.Message);
        }
    }

    private void Drop(Connection connection, string why)
    {
        _reading.Remove(connection);
        connection.Dispose();
        log.Dropped(connection.Peer.Pid, why);
    }

    private static bool IsQuick(Request request) =>
        request.WhatCase is Request.WhatOneofCase.Register or Request.WhatOneofCase.Unregister;

    private async Task Serve(Connection connection, Request request)
    {
        try
        {
            using (connection)
            {
                if (!IsQuick(request))
                {
                    await Task.Yield();
                }
                var reply = await Answer(connection, request).ConfigureAwait(false);
                await connection.Send(reply, s_patience).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            if (!_stopping.IsCancellationRequested)
            {
                log.Dropped(connection.Peer.Pid, e is OperationCanceledException ? "it does not read its answer" : e.Message);
            }
        }
        catch (Exception e)
        {
            log.Unexpected($"serving pid {connection.Peer.Pid}", e);
        }
    }

    private async Task<Reply> Answer(Connection connection, Request request)
    {
        try
        {
            return await handler(
                connection.Peer, request, text => connection.Send(new Reply { More = true, Progress = text }, s_patience),
                _stopping.Token).ConfigureAwait(false);
        }
        catch (RequestException e)
        {
            log.Refused(request.WhatCase.ToString(), connection.Peer.Pid, e.Message);
            return new Reply { Error = e.Message, NotKnown = e.IsNotKnown };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Unexpected($"{request.WhatCase} of pid {connection.Peer.Pid}", e);
            return new Reply { Error = $"the master could not do it: {e.Message}" };
        }
    }
}
