using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Streams;

/// <summary>
/// Where the outputs of a recovered process go that were pipes or sockets. Never back there: whoever reads them may go at any
/// moment (launch does when it has collected its child), and the process would end of its next word. They go into files
/// of its folder, which cannot break, and which <see cref="StreamRelay"/> passes on.
/// <code>
/// processes/ID/output.log   standard output, and errors where both were the same
/// processes/ID/errors.log   standard errors
/// processes/ID/*.log.1      what was in them before
/// processes/ID/streams      <see cref="StreamState"/>
/// </code>
/// </summary>
public static class StandardOutputs
{
    /// <summary>The descriptors that are outputs.</summary>
    public static IReadOnlyList<int> Numbers { get; } = [1, 2];

    /// <summary>The file of a descriptor.</summary>
    public static TrustedPath File(RunFolder folder, Process process, int number) =>
        folder.Process(process.Process_) / Name(process, number);

    private static string Name(Process process, int number) =>
        number == 2 && !AreSame(process) ? "errors.log" : "output.log";

    /// <summary>Opens a file for a process to write to at its end.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    public static int Open(TrustedPath file)
    {
        file.Parent.MakeFolder();
        return file.Open(Posix.ReadWrite | Posix.Append | Posix.Make);
    }

    public static TrustedPath State(RunFolder folder, Process process) => folder.Process(process.Process_) / "streams";

    /// <summary>Whether what a descriptor leads to may break at any time.</summary>
    public static bool MayBreak(StdioKind kind) => kind is StdioKind.Pipe or StdioKind.Socket;

    /// <summary>What a descriptor of its first incarnation was: as of readlink(2).</summary>
    public static string Target(Process process, int number) => process.Stdio.Count > number ? process.Stdio[number] : "";

    private static bool AreSame(Process process) => Target(process, 1).Length > 0 && Target(process, 1) == Target(process, 2);
}
