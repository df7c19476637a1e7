using RmwCkpt.Memory;

namespace RmwCkpt.Middleware;

/// <summary>Starts threads of the core's own, inside a program that is somebody else's.</summary>
internal static class CoreThread
{
    private const int StackSize = 256 * 1024;

    /// <summary>Starts a thread that leaves signals to the program's, and does not keep the program from ending.</summary>
    public static Thread Start(string name, Action body)
    {
        var thread = new Thread(
            () =>
            {
                Posix.LeaveSignalsToOthers();
                body();
            },
            StackSize)
        { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }
}
