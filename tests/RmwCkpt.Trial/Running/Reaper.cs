using System.Runtime.InteropServices;
using RmwCkpt.Memory;

namespace RmwCkpt.Trial.Running;

/// <summary>
/// Collects every child at once, also those that masters leave behind: CRIU needs the process id free, and init may not
/// hurry. Nothing else in this program may wait for children, hence no System.Diagnostics.Process.
/// </summary>
public static class Reaper
{
    public static void Start()
    {
        Posix.BecomeSubreaper();
        new Thread(Run) { IsBackground = true, Name = "reaper" }.Start();
    }

    private static void Run()
    {
        while (true)
        {
            if (WaitPid(-1, out _, 0) < 0)
            {
                Thread.Sleep(2); // no child, for now
            }
        }
    }

    [DllImport("libc", EntryPoint = "waitpid")]
    private static extern int WaitPid(int pid, out int status, int options);
}
