using System.Net.Sockets;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Tests.Processes;

/// <summary>
/// A domain in a folder of its own, and who answers there for its master: each that joins gets the next slot, and all else is
/// granted. Holds the master's lock, so that nobody starts another.
/// </summary>
internal sealed class PlayedMaster : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _parent = $"/dev/shm/rmw_ckpt-test-{Guid.NewGuid():n}";
    private readonly ProcessTable _table;
    private readonly Task _answering;
    private readonly int _lock;
    private uint _joined;

    public PlayedMaster(int domain)
    {
        Domain = domain;
        var folder = Open();
        LoneSession.Make(folder);
        _table = ProcessTable.Open(folder, make: true);
        _lock = folder.Lock.Open(Posix.ReadWrite | Posix.Make);
        Assert.True(Posix.Lock(_lock, wait: false));
        _socket.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder.Run, "master.sock")));
        _socket.Listen();
        _answering = Task.Run(Answer);
    }

    public int Domain { get; }

    /// <summary>The domain's folder, as a process opens it.</summary>
    public RunFolder Open() => new($"{_parent}/run", $"{_parent}/state", Domain);

    public void Dispose()
    {
        _socket.Dispose();
        Assert.True(_answering.Wait(s_patience), "a client of the played master neither asked nor left");
        Posix.Close(_lock);
        Directory.Delete(_parent, recursive: true);
    }

    private async Task Answer()
    {
        try
        {
            while (true)
            {
                using var client = await _socket.AcceptAsync();
                Answer(client);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private void Answer(Socket client)
    {
        try
        {
            using var stream = new NetworkStream(client);
            var request = Request.Parser.ParseDelimitedFrom(stream);
            stream.Write(Delimited.ToBytes(new Reply { Welcome = request.Hello is null ? new Welcome() : Welcome() }));
        }
        catch (IOException)
        {
            // Who leaves does not wait for long: on a busy machine the answer comes too late, and nobody misses it.
        }
    }

    private Welcome Welcome()
    {
        var slot = _table.Slot(++_joined);
        var process = ((ulong)Domain << 8) + _joined;
        slot.Write(ProcessTable.Incarnation, 1u);
        slot.Write(ProcessTable.ProcessId, process);
        slot.Release(ProcessTable.State, (uint)ProcessState.Live);
        return new Welcome { Slot = _joined, Process = process, Incarnation = 1, Protocol = Versions.Protocol, Version = Versions.Release };
    }
}
