using System.Net.Sockets;
using Google.Protobuf;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Tests;

namespace RmwCkpt.Master.Tests.Server;

/// <summary>
/// Bytes on the master's socket that are no requests, or others than a client would send: only their own connection
/// suffers. RMW_CKPT_SEED (1) begins the sequence of damages, RMW_CKPT_FUZZ (100) is how many there are.
/// </summary>
public sealed class SocketDamageTests
{
    /// <summary>No process can have it: some requests kill.</summary>
    private const int Pid = 0x7ffffff0;

    private const int Other = Pid + 1;

    [Fact]
    public void The_master_answers_others_whatever_one_sends()
    {
        using var domain = new FakeDomain();
        var other = domain.Hello(Other);
        Register(domain, Other, other.Process);
        var seed = Variables.Number("RMW_CKPT_SEED") ?? 1;
        var last = seed + (Variables.Number("RMW_CKPT_FUZZ") ?? 100);
        for (; seed < last; seed++)
        {
            var random = new Random(seed);
            Send(domain, random);
            if (seed % 16 == 0 || seed == last - 1)
            {
                var process = domain.Call(Other, new Request { Status = new StatusQuery() }).Status.Processes
                    .Single(p => p.Process.Process_ == other.Process);
                Assert.True(process.State == "live" && process.Nodes.Single() == "/other", $"RMW_CKPT_SEED={seed} RMW_CKPT_FUZZ=1");
            }
        }
        // What it took for itself is as good as what another sends.
        Register(domain, Other, other.Process);
        domain.Restart();
        Assert.Contains(
            domain.Call(Other, new Request { Status = new StatusQuery() }).Status.Processes, p => p.Nodes.Contains("/other"));
    }

    private static void Register(FakeDomain domain, int pid, ulong process) => Assert.Equal("", domain.Call(pid, new Request
    {
        Register = Scratch.Register(process, Scratch.Node(process, 1, "other"), Scratch.Publisher(process, 2, 1, "/topic")),
    }).Error);

    private static void Send(FakeDomain domain, Random random)
    {
        using var socket = domain.Connect(Pid);
        var bytes = Damage(Valid(random), random);
        try
        {
            socket.Send(bytes);
            if (random.Next(4) > 0)
            {
                socket.Shutdown(SocketShutdown.Send);
                var buffer = new byte[4096];
                while (socket.Receive(buffer) > 0)
                {
                }
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            // Dropped, as it may be.
        }
    }

    /// <summary>One of the requests that there are, of a process that there may be.</summary>
    private static byte[] Valid(Random random)
    {
        var process = (ulong)random.NextInt64();
        Request request = random.Next(8) switch
        {
            0 => new() { Hello = new Hello { Resume = random.Next(2) == 0 ? 0 : process } },
            1 => new() { Register = Scratch.Register(process, Scratch.Node(process, 1, "x"), Scratch.Publisher(process, 2, 1, "/y")) },
            2 => new() { Unregister = new Unregister { Process = process, Entities = { 1, 2, 3 } } },
            3 => new() { Leave = new Leave { Process = process } },
            4 => new() { Status = new StatusQuery() },
            5 => new() { Checkpoint = new CheckpointOrder { Nodes = { "/x" } } },
            6 => new() { Checkpoints = new CheckpointsQuery { Node = "/x" } },
            _ => new() { Recover = new NodesOrder { Nodes = { "/x" } } },
        };
        using var stream = new MemoryStream();
        request.WriteDelimitedTo(stream);
        return stream.ToArray();
    }

    private static byte[] Damage(byte[] bytes, Random random)
    {
        for (var places = random.Next(5); places > 0; places--)
        {
            bytes[random.Next(random.Next(2) == 0 ? Math.Min(8, bytes.Length) : bytes.Length)] = (byte)random.Next(256);
        }
        return random.Next(6) switch
        {
            0 => bytes[..random.Next(bytes.Length)],
            1 => [.. bytes, .. bytes],
            2 => RandomBytes(random),
            3 => [0xff, 0xff, 0xff, 0xff, (byte)random.Next(16), .. bytes],
            _ => bytes,
        };
    }

    private static byte[] RandomBytes(Random random)
    {
        var bytes = new byte[random.Next(200)];
        random.NextBytes(bytes);
        return bytes;
    }
}
