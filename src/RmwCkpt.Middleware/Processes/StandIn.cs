using System.Globalization;
using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Processes;

/// <summary>
/// What a process becomes that was started in place of one that the master brings back: never a second node, but a keeper of
/// the first, with the process id that its launcher knows.
/// </summary>
internal static class StandIn
{
    /// <summary>Becomes `rmw_ckpt run --adopt PROCESS`. Returns only by an exception.</summary>
    public static void Become(RunFolder folder, ulong process, string program)
    {
        string[] command =
        [
            "rmw_ckpt", "run", "--adopt", process.ToString("x16", CultureInfo.InvariantCulture),
            "--domain", folder.Domain.ToString(CultureInfo.InvariantCulture),
        ];
        // What comes meanwhile is passed on by the keeper, which takes the signals once it can.
        Posix.BlockSignals(Posix.PassedOn);
        Posix.CloseOnExecFrom(3);
        var error = Posix.Execute(program, command);
        throw new Failure(Code.Error, $"become the stand-in of process {process:x16}: {error.Message}");
    }
}
