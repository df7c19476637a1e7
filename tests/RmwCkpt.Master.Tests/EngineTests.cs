using System.Globalization;
using RmwCkpt.Master.Engines;
using RmwCkpt.Memory;
using RmwCkpt.Registry.Protocol;

namespace RmwCkpt.Master.Tests;

/// <summary>Engines on real processes: a shell that counts, in a file, into a pipe, or both.</summary>
public sealed class EngineTests : IDisposable
{
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
        // The file has grown since the dump: the next life writes at its end, and counts on from the dump.
        var numbers = Numbers();
        var back = Enumerable.Range(1, numbers.Count - 1).Where(i => numbers[i] != numbers[i - 1] + 1).ToList();
        Assert.True(numbers[Assert.Single(back)] < numbers[back[0] - 1]);
        Assert.Empty(_lost);
    }

    [CriuFact]
    public void A_pipe_is_the_same_pipe_afterwards()
    {
        var (read, write) = Pipe();
        var (pid, stdio) = Start(write);
        using (stdio)
        using (var pipe = new FileStream(new Microsoft.Win32.SafeHandles.SafeFileHandle(read, true), FileAccess.Read, 0))
        {
            Assert.InRange(Drain(pipe, atLeast: 1)[0], 1, int.MaxValue);
            Dump(pid, stdio);
            Kill(pid);
            var killed = Drain(pipe, atLeast: 1)[^1];
            Restore(pid, stdio);
            var again = Drain(pipe, atLeast: killed + 50);
            // It counts on from the dump, into the pipe that the killed one wrote into.
            Assert.InRange(again[0], 1, killed + 1);
            Assert.Equal(Enumerable.Range(again[0], again.Count), again);
            Assert.Empty(_lost);
        }
    }

    [CriuFact]
    public void Without_readers_its_outputs_go_into_a_file()
    {
        // As of a node of `ros2 launch`, which is gone.
        var (read, write) = Pipe();
        var (readErrors, writeErrors) = Pipe();
        var (pid, stdio) = Start(write, writeErrors);
        using (stdio)
        {
            Dump(pid, stdio);
            Kill(pid);
            Posix.Close(read);
            Posix.Close(readErrors);
            Restore(pid, stdio);
            Await(() => File.Exists(Output + ".log") && new FileInfo(Output + ".log").Length > 100);
        }
        Assert.Equal([1, 2], _lost.Select(x => x.Item1));
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
            Kill(pid);
            var killed = Lines();
            var process = new Process { Process_ = 0xabc, Executable = facts.Executable, WorkingFolder = facts.Folder };
            process.Command.AddRange(facts.Command);
            process.Environment.AddRange(facts.Environment);
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

    private static (int Read, int Write) Pipe()
    {
        // .NET's anonymous pipes are pipes too.
        var pipe = new System.IO.Pipes.AnonymousPipeServerStream(System.IO.Pipes.PipeDirection.In);
        var self = Posix.OpenPidfd(Posix.ProcessId);
        var read = Posix.TakeDescriptor(self, (int)pipe.SafePipeHandle.DangerousGetHandle());
        var write = Posix.TakeDescriptor(self, (int)pipe.ClientSafePipeHandle.DangerousGetHandle());
        Posix.Close(self);
        pipe.DisposeLocalCopyOfClientHandle();
        pipe.Dispose();
        return (read, write);
    }

    private (int Pid, HeldStdio Stdio) Start(int output, int errors = -1)
    {
        var nothing = Posix.Open("/dev/null", Posix.ReadWrite | Posix.CloseOnExec, 0);
        // A shell that waits without children: they would have process ids of their own to keep.
        const string Count = "n=0; while :; do n=$((n+1)); echo $n; i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; done";
        var pid = Posix.Spawn(
            "/bin/sh", ["sh", "-c", Count], ["PATH=/usr/bin:/bin"], "/", [(nothing, 0), (output, 1), (errors < 0 ? nothing : errors, 2)], newSession: true);
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
        var result = CriuFactAttribute.Engine.Dump(pid, Snapshot, stdio);
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
        LockFile = Output + ".lock",
        OutputFile = Output + ".log",
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

    /// <summary>Reads all that is in a pipe of numbers, and on until there is one of <paramref name="atLeast"/>.</summary>
    private static List<int> Drain(FileStream pipe, int atLeast)
    {
        var text = "";
        var buffer = new byte[1 << 16];
        List<int> numbers = [];
        Span<bool> ready = [false];
        while (numbers.Count == 0 || numbers[^1] < atLeast || !text.EndsWith('\n')
            || Posix.Poll([(int)pipe.SafeFileHandle.DangerousGetHandle()], ready, 0))
        {
            text += System.Text.Encoding.ASCII.GetString(buffer, 0, pipe.Read(buffer));
            numbers = [.. text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(x => int.Parse(x, CultureInfo.InvariantCulture))];
        }
        return numbers;
    }

    private static void Await(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, s_soon), "it did not come");
}
