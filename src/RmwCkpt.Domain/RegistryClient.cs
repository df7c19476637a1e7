using System.Net.Sockets;
using Google.Protobuf;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Domain;

/// <summary>The registry could not be reached or refused; the message says what, where and what to do.</summary>
public sealed class RegistryException(string message, bool noMaster, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>No master listens, or it does not answer.</summary>
    public bool NoMaster { get; } = noMaster;

    /// <summary>The master does not know this process.</summary>
    public bool IsNotKnown { get; init; }
}

/// <summary>
/// Asks the master: one connection a request, so that no socket is open when a snapshot is taken. Thread-safe.
/// </summary>
public sealed class RegistryClient(RunFolder folder)
{
    /// <summary>Sends a request and waits for its reply, at most <paramref name="timeout"/> between two of its messages.</summary>
    /// <exception cref="RegistryException">No master, no answer in time, or a reply with an error.</exception>
    public Reply Call(Request request, TimeSpan timeout, Action<string>? progress = null)
    {
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.SendTimeout = socket.ReceiveTimeout = (int)timeout.TotalMilliseconds;
            // By the descriptor: a socket's path must be short, and the folder's need not be.
            socket.Connect(new UnixDomainSocketEndPoint(folder.Socket.DescriptorPath));
            socket.Send(Delimited.ToBytes(request));
            var reader = new DelimitedReader(int.MaxValue - 8);
            while (true)
            {
                var reply = Read(socket, reader);
                if (!reply.More)
                {
                    return reply.Error.Length == 0 ? reply : throw new RegistryException(reply.Error, noMaster: false) { IsNotKnown = reply.NotKnown };
                }
                progress?.Invoke(reply.Progress);
            }
        }
        catch (RegistryException)
        {
            throw;
        }
        catch (Exception e) when (e is SocketException or IOException or InvalidDataException or InvalidProtocolBufferException)
        {
            throw new RegistryException(
                $"the master of domain {folder.Domain} does not answer at {folder.Run}/master.sock ({e.Message}); "
                + $"its log is {folder.Run}/master.log", noMaster: true, e);
        }
    }

    private static Reply Read(Socket socket, DelimitedReader reader)
    {
        while (true)
        {
            if (reader.TryTake(Reply.Parser, out var reply))
            {
                return reply!;
            }
            var n = socket.Receive(reader.Free.Span);
            reader.Add(n > 0 ? n : throw new IOException("it closed the connection"));
        }
    }
}
