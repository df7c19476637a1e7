using System.IO.Pipes;
using System.Runtime.InteropServices;
using RmwCkpt.Memory;

namespace RmwCkpt.Log.Tests;

/// <summary>What a program's signals do to the calls that they interrupt, and to what it starts: nothing.</summary>
public sealed class SignalTests : IDisposable
{
    private const int SigUsr1 = 10;

    // With a handler, for a signal that is ignored interrupts nothing; and for good, for .NET handles signals later, in a thread of
    // its own, and one that then has no handler ends the process.
    private static readonly PosixSignalRegistration s_handler = PosixSignalRegistration.Create((PosixSignal)SigUsr1, x => x.Cancel = true);

    private readonly Scratch _scratch = new();

    public SignalTests() => GC.KeepAlive(s_handler);

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void A_segment_is_made_under_signals_that_come_faster_than_its_pages() => Disturbed(() =>
    {
        for (var i = 0; i < 3; i++)
        {
            using var file = Mapping.Create(_scratch.At / $"{i}", 8 * 1024 * 1024);
            Assert.Equal(0, file.View.ReadByte(file.View.Length - 1));
        }
    });

    [Fact]
    public void A_poll_ends_by_what_it_waits_for()
    {
        var waker = Posix.MakeWaker();
        Disturbed(() =>
        {
            using var later = new Timer(_ => Posix.Wake(waker), null, 100, Timeout.Infinite);
            Assert.True(Posix.Poll([waker], new bool[1], -1));
            Posix.ClearWaker(waker);
            Assert.False(Posix.Poll([waker], new bool[1], 20));
        });
        Posix.Close(waker);
    }

    [Fact]
    public void A_daemon_has_no_signals_and_libraries_of_the_thread_and_process_that_start_it()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.In);
        Posix.Ignore(Posix.SigHup);
        // As a guardian does; the thread ends with it.
        var starter = new Thread(() =>
        {
            Posix.LeaveSignalsToOthers();
            setenv("LD_PRELOAD", "", 1);
            setenv("DOTNET_GCHeapHardLimit", "20000000", 1);
            setenv("RMW_CKPT_TEST", "is kept", 1);
            Posix.StartDaemon(
                "/bin/sh", ["-c", "{ cat /proc/self/status; env; } >&3"], (int)pipe.ClientSafePipeHandle.DangerousGetHandle());
            unsetenv("LD_PRELOAD");
            unsetenv("DOTNET_GCHeapHardLimit");
            unsetenv("RMW_CKPT_TEST");
        });
        starter.Start();
        starter.Join();
        Posix.Restore(Posix.SigHup);
        pipe.DisposeLocalCopyOfClientHandle();

        using var reader = new StreamReader(pipe);
        var said = reader.ReadToEnd();
        // From 32 on they are the C library's; the shell has what it starts in the background ignore SIGINT and SIGQUIT.
        Assert.Matches(@"SigBlk:\t[0-9a-f]{8}00000000\n", said);
        Assert.Matches(@"SigIgn:\t[0-9a-f]{8}[08]0000006\n", said);
        Assert.Contains("RMW_CKPT_TEST=is kept", said, StringComparison.Ordinal);
        Assert.DoesNotContain("LD_PRELOAD", said, StringComparison.Ordinal);
        Assert.DoesNotContain("DOTNET_GC", said, StringComparison.Ordinal);
    }

    /// <summary>Runs it while its thread gets one signal after the other.</summary>
    private static void Disturbed(Action body)
    {
        Exception? failure = null;
        var started = new TaskCompletionSource<int>();
        var done = false;
        var thread = new Thread(() =>
        {
            started.SetResult(gettid());
            try
            {
                body();
            }
            catch (Exception e)
            {
                failure = e;
            }
            Volatile.Write(ref done, true);
        });
        thread.Start();
        var id = started.Task.GetAwaiter().GetResult();
        while (!Volatile.Read(ref done))
        {
            _ = tgkill(Environment.ProcessId, id, SigUsr1);
            Thread.SpinWait(500);
        }
        thread.Join();
        Assert.Null(failure);
    }

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int setenv(string name, string value, int overwrite);

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int unsetenv(string name);

    [DllImport("libc")]
    private static extern int gettid();

    [DllImport("libc")]
    private static extern int tgkill(int process, int thread, int signal);
}
