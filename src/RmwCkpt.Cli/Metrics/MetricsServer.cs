using System.Net;
using System.Net.Sockets;
using System.Text;

namespace RmwCkpt.Cli.Metrics;

/// <summary>
/// Serves a text over HTTP to who is on this host: GET / or /metrics, an answer for each connection, which then ends. Nothing of
/// a request but its first line means anything.
/// </summary>
internal sealed class MetricsServer : IDisposable
{
    private const int LongestRequest = 8192;

    /// <summary>Who asks so slowly, or does not read the answer, is left.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly TcpListener _listener;
    private readonly Func<string> _collect;

    /// <param name="port">0: one that is free.</param>
    /// <exception cref="CommandException">It cannot be had.</exception>
    public MetricsServer(int port, Func<string> collect)
    {
        _collect = collect;
        _listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            _listener.Start();
        }
        catch (SocketException e)
        {
            throw new CommandException($"cannot listen on port {port} of 127.0.0.1: {e.Message} (--port chooses another; 0: one that is free)");
        }
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Answers until it is to stop.</summary>
    public async Task Run(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var client = await _listener.AcceptTcpClientAsync(stop).ConfigureAwait(false);
                _ = Answer(client);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException)
            {
                // That one has gone already.
            }
        }
    }

    private async Task Answer(TcpClient client)
    {
        using var connection = client;
        try
        {
            var stream = client.GetStream();
            using var slow = new CancellationTokenSource(s_patience);
            var request = await Read(stream, slow.Token).ConfigureAwait(false);
            var answer = request.Split(' ') switch
            {
                ["GET" or "HEAD", "/" or "/metrics", ..] words => Response("200 OK", OpenMetrics.ContentType, _collect(), words[0] == "HEAD"),
                ["GET" or "HEAD", ..] => Response("404 Not Found", "text/plain", "it is at /metrics\n"),
                _ => Response("405 Method Not Allowed", "text/plain", "GET it\n"),
            };
            // How long it takes to collect is not the client's fault.
            using var late = new CancellationTokenSource(s_patience);
            await stream.WriteAsync(answer, late.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
        {
            // Who asked does not want to know any more.
        }
    }

    /// <summary>The first line of a request, once all of it is there.</summary>
    private static async Task<string> Read(NetworkStream stream, CancellationToken late)
    {
        var bytes = new byte[LongestRequest];
        var read = 0;
        for (int n; read < bytes.Length && bytes.AsSpan(0, read).IndexOf("\r\n\r\n"u8) < 0; read += n)
        {
            n = await stream.ReadAsync(bytes.AsMemory(read), late).ConfigureAwait(false);
            if (n == 0)
            {
                break;
            }
        }
        return Encoding.ASCII.GetString(bytes, 0, read).Split("\r\n")[0];
    }

    private static byte[] Response(string status, string type, string text, bool isHead = false)
    {
        var body = Encoding.UTF8.GetBytes(text);
        var head = Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n");
        return isHead ? head : [.. head, .. body];
    }

    public void Dispose() => _listener.Dispose();
}
