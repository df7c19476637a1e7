using System.Text;
using Microsoft.Win32.SafeHandles;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines;

/// <summary>
/// Whether snapshots by fork work on this machine for this user: tried by a program of its own, which has one taken of a child,
/// kills that and revives it (rmw_ckpt/snapshot/try_fork.cpp). A kernel, or a container's filter of system calls, may lack
/// something.
/// </summary>
public static class ForkTrial
{
    /// <summary>Beside the command: PREFIX/bin/rmw_ckpt, PREFIX/lib/rmw_ckpt/try_fork.</summary>
    public static string Program => Path.GetFullPath(Path.Combine(
        Path.GetDirectoryName(Environment.ProcessPath) ?? "/", "..", "lib", "rmw_ckpt", "try_fork"));

    /// <summary>How it went, and what is to be said of it.</summary>
    public static EngineCheck Run(string program)
    {
        if (!File.Exists(program))
        {
            return new(true, $"not tried: {program} is not installed");
        }
        try
        {
            using var said = new FileStream(new SafeFileHandle(Posix.MakeMemoryFile("rmw_ckpt output"), ownsHandle: true), FileAccess.Read);
            var nothing = Posix.Open("/dev/null", Posix.ReadWrite | Posix.CloseOnExec, 0);
            try
            {
                var pid = Posix.Spawn(
                    program, ["try_fork"], [], "/", [(nothing, 0), ((int)said.SafeFileHandle.DangerousGetHandle(), 1), (nothing, 2)], newSession: true);
                var status = Posix.WaitFor(pid);
                said.Position = 0;
                var why = new StreamReader(said, Encoding.UTF8).ReadToEnd().Trim();
                return status == 0 ? new(true, "tried")
                    : new(false, why.Length > 0 ? why : $"{program} ended with status {status:x}: snapshots by fork do not work here");
            }
            finally
            {
                Posix.Close(nothing);
            }
        }
        catch (PosixException e)
        {
            return new(false, e.Message);
        }
    }
}
