using RmwCkpt.Memory;

namespace RmwCkpt.Master.Processes;

/// <summary>Whether a process can be given the id that it had: tried, on a child that ends at once.</summary>
public static class ProcessIds
{
    /// <summary>Null: it can; else why not. For programs that do little, see <see cref="Posix.TryChooseId"/>.</summary>
    public static string? WhyNot()
    {
        try
        {
            // An id that is free: it was another child's.
            var pid = Posix.Spawn("/bin/true", ["true"], [], "/", [], newSession: false);
            Posix.WaitFor(pid);
            return Posix.TryChooseId(pid) switch
            {
                0 or Posix.Eexist => null,
                Posix.Eperm => "this process may not choose them: it needs CAP_CHECKPOINT_RESTORE, as CRIU does",
                var error => new PosixException(error, "choose a process id (clone3, Linux 5.5 or later)").Message,
            };
        }
        catch (PosixException e)
        {
            return e.Message;
        }
    }
}
