using System.Diagnostics;
using System.Net.Sockets;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Hosting;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Recovery;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Server;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests;

/// <summary>
/// A whole master whose clients are not processes: a client says before each request which pid it has, and its pidfd is an
/// eventfd that the test makes readable.
/// </summary>
internal sealed class FakeDomain : IProcessProbe, IDisposable
{
    private readonly Dictionary<int, int> _ends = [];
    private readonly HashSet<int> _ended = [];
    private readonly object _gate = new();
    private readonly bool _owns;
    private readonly int _self = Posix.OpenPidfd(Posix.ProcessId);

    private readonly ISnapshotEngine _engine;

    public FakeDomain(Scratch? scratch = null, MasterOptions? options = null, ISnapshotEngine? engine = null)
    {
        _engine = engine ?? new NoneEngine();
        _owns = scratch is null;
        Scratch = scratch ?? new Scratch();
        Options = options ?? new MasterOptions();
        Start();
    }

    public Scratch Scratch { get; }

    /// <summary>What all of its processes seem to run, and are started again by.</summary>
    public string Executable { get; set; } = "/bin/false";

    public MasterOptions Options { get; }

    /// <summary>How processes were started, and by whom.</summary>
    public Func<int, string[]> CommandOf { get; set; } = pid => ["fake", $"{pid}"];

    public Func<int, int> ParentOf { get; set; } = _ => 1;

    public Master Master { get; private set; } = null!;

    /// <summary>What a process may do; the same as the master, unless a test says otherwise.</summary>
    public Func<int, Rights> RightsOf { get; set; } = _ => RightsReader.Own;

    public ProcessRegistry Registry => Master.Processes!;

    public Supervisor Supervisor => Master.Supervisor!;

    public void Start()
    {
        Master = new Master(Scratch.Folder, Options, new EngineChoice(_engine), this, Scratch.Log);
        Master.Server.PeerOf = socket =>
        {
            // The first four bytes of a fake client's connection are its pid.
            var bytes = new byte[4];
            var n = socket.Receive(bytes);
            return new Peer(n == 4 ? BitConverter.ToInt32(bytes) : -1, Posix.UserId);
        };
        Master.Start(Stopwatch.StartNew());
    }

    /// <summary>The master is gone and another starts with what it left.</summary>
    public void Restart()
    {
        Master.Dispose();
        Start();
    }

    public Reply Call(int pid, Request request)
    {
        if (request.Hello is { Policy: null } hello)
        {
            // There is nothing to bring back.
            hello.Policy = new Policy { Recover = RecoverPolicy.Off };
        }
        if (request.Hello is { Version: "" } any)
        {
            (any.Protocol, any.Version) = (Versions.Protocol, Versions.Release);
        }
        using var socket = Connect(pid);
        using var stream = new NetworkStream(socket);
        Google.Protobuf.MessageExtensions.WriteDelimitedTo(request, stream);
        Reply reply;
        do
        {
            reply = Reply.Parser.ParseDelimitedFrom(stream);
        }
        while (reply.More);
        return reply;
    }

    public Socket Connect(int pid)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 20_000 };
        socket.Connect(new UnixDomainSocketEndPoint(Scratch.Folder.Socket.FullName));
        socket.Send(BitConverter.GetBytes(pid));
        return socket;
    }

    public Welcome Hello(int pid)
    {
        var reply = Call(pid, new Request { Hello = new Hello() });
        Assert.Equal("", reply.Error);
        return reply.Welcome;
    }

    public void End(int pid)
    {
        lock (_gate)
        {
            Posix.Wake(_ends[pid]);
            _ended.Add(pid);
        }
    }

    ProcessFacts? IProcessProbe.Read(int pid) => new()
    {
        Pid = pid,
        StartTime = (ulong)pid,
        Executable = Executable,
        Command = CommandOf(pid),
        Ancestors = [new Ancestor { Pid = (uint)ParentOf(pid), StartTime = 1, Command = 1 }],
        Folder = "/",
        Rights = RightsOf(pid),
        Stdio = ["/dev/null", "/dev/null", "/dev/null"],
    };

    ulong? IProcessProbe.StartTime(int pid)
    {
        lock (_gate)
        {
            return _ends.ContainsKey(pid) && !_ended.Contains(pid) ? (ulong)pid : null;
        }
    }

    int IProcessProbe.OpenPidfd(int pid)
    {
        lock (_gate)
        {
            if (_ended.Contains(pid))
            {
                return -1;
            }
            if (!_ends.TryGetValue(pid, out var end))
            {
                _ends.Add(pid, end = Posix.MakeWaker());
            }
            // The master closes what it gets.
            return Posix.TakeDescriptor(_self, end);
        }
    }

    bool? IProcessProbe.Maps(int pid, nint address) => !NotOurs.Contains(pid);

    IReadOnlyList<int> IProcessProbe.FindMappers(nint address, string path) => Strangers;

    ulong IProcessProbe.PidNamespace => PidNamespace;

    /// <summary>Living processes that have not mapped the domain's table.</summary>
    public HashSet<int> NotOurs { get; } = [];

    /// <summary>Those that have, and are in no slot of it.</summary>
    public List<int> Strangers { get; } = [];

    public ulong PidNamespace { get; set; } = 1;

    public void Dispose()
    {
        Master.Dispose();
        Posix.Close(_self);
        foreach (var end in _ends.Values)
        {
            Posix.Close(end);
        }
        if (_owns)
        {
            Scratch.Dispose();
        }
    }
}
