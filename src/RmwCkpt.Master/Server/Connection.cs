using System.Net.Sockets;
using Google.Protobuf;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Master.Server;

/// <summary>
/// A client's connection: its one request is read as its bytes come, by one thread; then whoever answers has it. Takes over
/// the socket. <paramref name="deadline"/>: until when the request must be there, ns of <see cref="Clock.Steady"/>.
/// </summary>
internal sealed class Connection(Socket socket, Peer peer, long deadline) : IDisposable
{
    /// <summary>Bytes of a request.</summary>
    private const int Largest = 16 << 20;

    /// <summary>Bytes that a socket to which nothing was sent takes without waiting.</summary>
    private const int AlwaysFits = 2048;

    private readonly DelimitedReader _reader = new(Largest);
    private bool _hasSent;

    public Peer Peer => peer;

    public long Deadline => deadline;

    public int Descriptor { get; } = (int)socket.Handle;

    /// <summary>The client has closed it without a word.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>
    /// Takes in what has come, once, and does not wait where poll(2) has said that there is something. Null: more is to come.
    /// </summary>
    /// <exception cref="SocketException">The connection is lost.</exception>
    /// <exception cref="InvalidDataException">It is no request.</exception>
    /// <exception cref="InvalidProtocolBufferException">It is no request.</exception>
    public Request? Read()
    {
        var n = socket.Receive(_reader.Free.Span);
        if (n == 0)
        {
            HasEnded = _reader.IsEmpty;
            return HasEnded ? null : throw new InvalidDataException("it breaks off in the middle of a request");
        }
        _reader.Add(n);
        return _reader.TryTake(Request.Parser, out var request) ? request : null;
    }

    /// <exception cref="SocketException">The connection is lost.</exception>
    /// <exception cref="OperationCanceledException">The client does not read.</exception>
    public async Task Send(Reply reply, TimeSpan patience)
    {
        var bytes = Delimited.ToBytes(reply).AsMemory();
        if (!_hasSent && bytes.Length <= AlwaysFits)
        {
            _hasSent = true;
            socket.Send(bytes.Span);
            return;
        }
        _hasSent = true;
        using var timeout = new CancellationTokenSource(patience);
        while (bytes.Length > 0)
        {
            bytes = bytes[await socket.SendAsync(bytes, timeout.Token).ConfigureAwait(false)..];
        }
    }

    public void Dispose() => socket.Dispose();
}
