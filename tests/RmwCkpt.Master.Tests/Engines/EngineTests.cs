using System.Globalization;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Engines;

/// <summary>Engines on real processes: a shell that counts, in a file, into a pipe, or both.</summary>
public sealed class EngineTests : IDisposable
{
    private const int SigUsr1 = 10;
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(20);
    private readonly Scratch _scratch = new();
    private readonly List<int> _pids = [];
    private readonly List<(int, string)> _lost = [];

    public void Dispose()
    {
        foreach (var pid in _pids)
        {
            Posix.Kill(pid, Posix.SigKill);
            Posix.Reap(pid, out _);
        }
        _scratch.Dispose();
    }

    private string Output => _scratch.Path_("output");

    private TrustedPath Snapshot => _scratch.Folder.Images / "1";

    [CriuFact]
    public void A_process_goes_on_after_a_dump_and_again_after_a_restore_where_the_dump_was()
    {
        var (pid, stdio) = Start(output: Posix.Open(Output, Posix.WriteOnly | Posix.Make | Posix.CloseOnExec, 0x180));
        using (stdio)
        {
            Await(() => Lines() > 20);
            Dump(pid, stdio);
            var dumped = Lines();
            Await(() => Lines() > dumped + 20);
            Kill(pid);
            var killed = Lines();
            Restore(pid, stdio);
            Await(() => Lines() > killed + 20);
        }
        // The file has grown since the dump: the next incarnation writes at its end, and counts on from the dump.
        var numbers = Numbers();
        var back = Enumerable.Range(1, numbers.Count - 1).Where(i => numbers[i] != numbers[i - 1] + 1).ToList();
        Assert.True(numbers[Assert.Single(back)] < numbers[back[0] - 1]);
        Assert.Empty(_lost);
    }

    [CriuFact]
    public void Outputs_that_were_pipes_are_files_after_a_restore_and_their_readers_may_go_at_any_time()
    {
        // As of a node of `ros2 launch`, which closes its ends some time after the death.
        var (read, write) = Pipes.Make();
        var (readErrors, writeErrors) = Pipes.Make();
        var (pid, stdio) = Start(write, writeErrors);
        using (stdio)
        {
            Dump(pid, stdio);
            Kill(pid);
            Restore(pid, stdio);
            Posix.Close(read);
            Posix.Close(readErrors);
            AwaitOutput(pid);
        }
        Assert.Empty(_lost);
    }

    [Fact]
    public void So_they_are_when_the_command_is_started_again()
    {
        var (read, write) = Pipes.Make();
        var (pid, stdio) = Start(write);
        using (stdio)
        {
            var process = CommandOf(pid);
            Kill(pid);
            var result = new NoneEngine().Restore(Order(pid, stdio) with { Process = process });
            Assert.True(result.Done, result.Why);
            _pids.Add(result.Pid);
            Posix.Close(read);
            AwaitOutput(result.Pid);
        }
        Assert.Empty(_lost);
    }

    private void AwaitOutput(int pid)
    {
        Await(() => (_scratch.Folder.Folder.Root / "output.1").Facts is { Size: > 100 });
        Assert.False(ProcessProbe.HasEnded(pid));
    }

    private static Process CommandOf(int pid)
    {
        // A program that has just been started has none yet.
        Await(() => new ProcessProbe().Read(pid)!.Command.Count > 0);
        var facts = new ProcessProbe().Read(pid)!;
        var process = new Process { Process_ = 0xabc, Executable = facts.Executable, WorkingFolder = facts.Folder };
        process.Command.AddRange(facts.Command);
        process.Environment.AddRange(facts.Environment);
        process.Stdio.AddRange(facts.Stdio);
        return process;
    }

    [CriuFact]
    public void A_process_with_a_child_is_restored_with_it_once_what_was_left_of_its_tree_is_ended()
    {
        var (pid, stdio) = Start(
            output: Posix.Open(Output, Posix.WriteOnly | Posix.Make | Posix.CloseOnExec, 0x180), script: "sleep 1000 & echo $!; wait");
        using (stdio)
        {
            Await(() => Lines() > 0);
            var child = Numbers()[0];
            _pids.Add(child);
            var below = ProcessKin.Below(pid);
            Assert.Equal([child], below.Select(x => x.Pid));
            Dump(pid, stdio);
            Kill(pid);
            var before = CriuFactAttribute.Engine.Restore(Order(pid, stdio));
            Assert.Contains("File exists", before.Why, StringComparison.Ordinal);
            Assert.Equal([child], ProcessKin.EndLeft(pid, pid, below, _ => false));
            Assert.True(ProcessTree.Collect([child], s_soon));
            Restore(pid, stdio);
            Assert.Equal([child], ProcessKin.Below(pid).Select(x => x.Pid));
        }
    }

    [CriuFact]
    public void A_TCP_connection_is_closed_in_the_restored_process_and_open_in_the_one_that_was_dumped()
    {
        using var server = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        server.Start();
        var port = ((System.Net.IPEndPoint)server.LocalEndpoint).Port;
        // It says 1 again and again while the connection is open, and 2 when it is closed.
        var script = $"exec 3<>/dev/tcp/127.0.0.1/{port}; while read -t 0.1 <&3; [ $? -gt 128 ]; do echo 1; done; echo 2";
        var (pid, stdio) = Start(
            output: Posix.Open(Output, Posix.ReadWrite | Posix.Make | Posix.CloseOnExec, 0x180), script: script, shell: "/bin/bash");
        using (stdio)
        {
            using var connection = server.AcceptTcpClient();
            Await(() => Lines() > 0);
            Dump(pid, stdio);
            var dumped = Lines();
            Await(() => Lines() > dumped + 2);
            Assert.DoesNotContain(2, Numbers());
            Kill(pid);
            Restore(pid, stdio);
            Await(() => Numbers().Contains(2));
        }
    }

    [CriuFact]
    public void What_is_written_where_something_else_was_read_at_the_dump_before_is_restored()
    {
        var (read, written) = (_scratch.Path_("read"), _scratch.Path_("written"));
        foreach (var file in new[] { read, written })
        {
            File.WriteAllBytes(file, new byte[16384]);
        }
        // It maps a file to read it, says 1, and at a signal another one to write it, at the same addresses; from then on it counts there.
        var script = $"""
            import ctypes, os, signal, sys, time
            mmap = ctypes.CDLL(None).mmap
            mmap.restype = ctypes.c_void_p
            mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
            asked = []
            signal.signal(signal.SIGUSR1, lambda *_: asked.append(1))
            def map(name, flags, prot):
                fd = os.open(name, flags)
                assert mmap(0x10000000000, 16384, prot, 0x11, fd, 0) == 0x10000000000
                os.close(fd)
            map('{read}', os.O_RDONLY, 1)
            print(1, flush=True)
            while not asked: time.sleep(0.01)
            map('{written}', os.O_RDWR, 3)
            place = ctypes.c_long.from_address(0x10000000000)
            place.value = 1
            while True:
                place.value += 1
                print(place.value, flush=True)
                time.sleep(0.01)
            """;
        var (pid, stdio) = Start(
            output: Posix.Open(Output, Posix.WriteOnly | Posix.Make | Posix.CloseOnExec, 0x180), script: script, shell: "/usr/bin/python3");
        using (stdio)
        {
            Await(() => Lines() > 0);
            Dump(pid, stdio);
            Posix.Kill(pid, SigUsr1);
            Await(() => Lines() > 5);
            Snapshot.RemoveTree();
            Dump(pid, stdio);
            Kill(pid);
            var killed = Lines();
            Restore(pid, stdio);
            Await(() => Lines() > killed + 5);
        }
    }

    [CriuFact]
    public void A_taken_process_id_is_a_failure_that_is_explained()
    {
        var (pid, stdio) = Start(output: Posix.Open(Output, Posix.WriteOnly | Posix.Make | Posix.CloseOnExec, 0x180));
        using (stdio)
        {
            Dump(pid, stdio);
            var result = CriuFactAttribute.Engine.Restore(Order(pid, stdio));
            Assert.False(result.Done);
            Assert.Contains("File exists", result.Why, StringComparison.Ordinal);
        }
    }

    [CriuFact]
    public void A_broken_image_is_a_failure()
    {
        var (pid, stdio) = Start(output: Posix.Open(Output, Posix.WriteOnly | Posix.Make | Posix.CloseOnExec, 0x180));
        using (stdio)
        {
            Dump(pid, stdio);
            Kill(pid);
            (Snapshot / "pstree.img").Unlink();
            Assert.False(CriuFactAttribute.Engine.Restore(Order(pid, stdio)).Done);
            (Snapshot / "files.img").WriteAll("none"u8);
            Assert.False(CriuFactAttribute.Engine.Restore(Order(pid, stdio)).Done);
            Assert.False(ProcessProbe.Exists(pid));
        }
    }

    [Fact]
    public void Without_images_the_same_command_is_started_again_with_the_same_output()
    {
        var (pid, stdio) = Start(output: Posix.Open(Output, Posix.WriteOnly | Posix.Make | Posix.CloseOnExec, 0x180));
        using (stdio)
        {
            Await(() => Lines() > 20);
            var facts = new ProcessProbe().Read(pid)!;
            var process = CommandOf(pid);
            Kill(pid);
            var killed = Lines();
            var result = new NoneEngine().Restore(Order(pid, stdio) with { Process = process });
            Assert.True(result.Done, result.Why);
            _pids.Add(result.Pid);
            Await(() => Lines() > killed + 20);
            var next = new ProcessProbe().Read(result.Pid)!;
            Assert.Equal(facts.Command, next.Command);
            Assert.Contains($"RMW_CKPT_RESUME=0000000000000abc@{_scratch.Folder.Domain}", next.Environment);
            Assert.Equal(1, Numbers()[killed]);
        }
    }

    private (int Pid, HeldStdio Stdio) Start(int output, int errors = -1, string? script = null, string shell = "/bin/sh")
    {
        var nothing = Posix.Open("/dev/null", Posix.ReadWrite | Posix.CloseOnExec, 0);
        // A shell that waits without children: they would have process ids of their own to keep.
        const string Count = "n=0; while :; do n=$((n+1)); echo $n; i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; done";
        var pid = Posix.Spawn(
            shell, [Path.GetFileName(shell), "-c", script ?? Count], ["PATH=/usr/bin:/bin"], "/", [(nothing, 0), (output, 1), (errors < 0 ? nothing : errors, 2)], newSession: true);
        Posix.Close(nothing);
        Posix.Close(output);
        Posix.Close(errors);
        _pids.Add(pid);
        var pidfd = Posix.OpenPidfd(pid);
        var stdio = HeldStdio.Hold(pid, pidfd);
        Posix.Close(pidfd);
        return (pid, stdio);
    }

    private void Dump(int pid, HeldStdio stdio)
    {
        Snapshot.MakeFolder();
        var result = CriuFactAttribute.Engine.Dump(new DumpOrder(pid, Snapshot, stdio));
        Assert.True(result.Done, result.Why);
        Assert.InRange(result.FrozenNanoseconds, 1, 60_000_000_000);
    }

    private void Restore(int pid, HeldStdio stdio)
    {
        var result = CriuFactAttribute.Engine.Restore(Order(pid, stdio));
        Assert.True(result.Done, result.Why);
        Assert.Equal(pid, result.Pid);
        Assert.Equal(Posix.ProcessId, ProcessProbe.StateOf(pid)!.Value.Parent);
    }

    private RestoreOrder Order(int pid, HeldStdio stdio) => new(new Process { Pid = (uint)pid }, Snapshot, stdio)
    {
        Pid = pid,
        Domain = _scratch.Folder.Domain,
        RunFolder = _scratch.Folder.Folder.Root,
        LockFile = _scratch.Folder.Folder.Root / "lock",
        OutputFile = number => _scratch.Folder.Folder.Root / $"output.{number}",
        Lost = (fd, target) => _lost.Add((fd, target)),
    };

    private static void Kill(int pid)
    {
        Posix.Kill(pid, Posix.SigKill);
        Posix.WaitFor(pid);
    }

    private int Lines() => Numbers().Count;

    private List<int> Numbers()
    {
        using var file = new FileStream(Output, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        var text = reader.ReadToEnd();
        return [.. text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(x => int.Parse(x, CultureInfo.InvariantCulture))];
    }

    private static void Await(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, s_soon), "it did not come");
}
