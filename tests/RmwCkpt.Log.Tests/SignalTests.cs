using System.Runtime.InteropServices;
using RmwCkpt.Memory;

namespace RmwCkpt.Log.Tests;

/// <summary>What a program's signals do to the calls that they interrupt: nothing.</summary>
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

    [DllImport("libc")]
    private static extern int gettid();

    [DllImport("libc")]
    private static extern int tgkill(int process, int thread, int signal);
}
