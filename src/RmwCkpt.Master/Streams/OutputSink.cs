using System.Globalization;
using System.Text;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Streams;

/// <summary>
/// Whom a process' output is passed on to: the pipe or socket that it once had, or its launcher's console. Writing never
/// blocks. Not thread-safe.
/// </summary>
public sealed class OutputSink : IDisposable
{
    private readonly bool _isSocket;

    /// <summary>Before each line; empty: bytes are passed on as they are.</summary>
    private readonly byte[] _prefix;

    /// <summary>Lines that did not fit.</summary>
    private byte[] _rest = [];

    private OutputSink(int fd, bool isSocket, string name, string prefix)
    {
        (Descriptor, _isSocket, Name) = (fd, isSocket, name);
        _prefix = Encoding.UTF8.GetBytes(prefix);
    }

    public int Descriptor { get; }

    /// <summary>For people.</summary>
    public string Name { get; }

    /// <summary>A console is not the output itself: whoever launched the process shows it.</summary>
    public bool IsConsole => _prefix.Length > 0;

    /// <summary>Its reader is slow: more did not fit.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Somebody may still read it.</summary>
    public bool IsAlive => !Posix.IsHungUp(Descriptor);

    /// <summary>The pipe or socket that is descriptor <paramref name="number"/> of a process; null: there is none, or nobody reads it.</summary>
    public static OutputSink? Of(int pid, int number)
    {
        var target = ProcessProbe.Link(Path(pid, number));
        var kind = HeldStdio.KindOf(target);
        return StandardOutputs.MayBreak(kind) ? Open(pid, number, kind, target, "") : null;
    }

    /// <summary>
    /// What a launcher shows its errors on, in whose midst a recovered process' lines begin with its name. Null: it
    /// shows them to nobody, or in a file in which we would write over its own lines.
    /// </summary>
    public static OutputSink? ConsoleOf(int pid, string process)
    {
        var target = ProcessProbe.Link(Path(pid, 2));
        var kind = HeldStdio.KindOf(target);
        return kind is StdioKind.Device or StdioKind.Closed ? null
            : Open(pid, 2, kind, string.Create(CultureInfo.InvariantCulture, $"{target} of process {pid}"), $"[{process}] ");
    }

    /// <summary>
    /// Passes on what fits and returns how many of the bytes are seen to: of a console's, whole lines. Negative: nobody
    /// reads it any more.
    /// </summary>
    public int Write(ReadOnlySpan<byte> bytes)
    {
        if (_prefix.Length == 0)
        {
            var passed = Send(bytes);
            IsFull = passed >= 0 && passed < bytes.Length;
            return passed;
        }
        var sent = Send(_rest);
        if (sent < 0)
        {
            return sent;
        }
        _rest = _rest[sent..];
        IsFull = _rest.Length > 0;
        // A line that is longer than all that is looked at is cut.
        var end = bytes.LastIndexOf((byte)'\n') + 1 is > 0 and var whole ? whole : bytes.Length >= LongestLine ? bytes.Length : 0;
        if (IsFull || end == 0)
        {
            return 0;
        }
        var lines = Prefixed(bytes[..end]);
        sent = Send(lines);
        _rest = sent < 0 ? [] : lines[sent..];
        return sent < 0 ? sent : end;
    }

    /// <summary>Bytes.</summary>
    public const int LongestLine = 16 * 1024;

    public void Dispose() => Posix.Close(Descriptor);

    private int Send(ReadOnlySpan<byte> bytes) =>
        bytes.Length == 0 ? 0 : _isSocket ? Posix.TrySend(Descriptor, bytes) : Posix.TryWrite(Descriptor, bytes);

    private byte[] Prefixed(ReadOnlySpan<byte> lines)
    {
        var text = new List<byte>(lines.Length + (_prefix.Length * 8));
        while (lines.Length > 0)
        {
            var length = lines.IndexOf((byte)'\n') + 1 is > 0 and var whole ? whole : lines.Length;
            text.AddRange(_prefix);
            text.AddRange(lines[..length]);
            lines = lines[length..];
        }
        return [.. text];
    }

    private static OutputSink? Open(int pid, int number, StdioKind kind, string name, string prefix)
    {
        var fd = -1;
        try
        {
            // A descriptor of our own, so that not to block is ours alone; a file's and a socket's cannot be had otherwise
            // than with whoever else has them, at the place where they write.
            fd = kind is StdioKind.File or StdioKind.Socket
                ? Take(pid, number)
                : Posix.Open(
                    Path(pid, number), Posix.WriteOnly | Posix.NonBlocking | Posix.CloseOnExec | Posix.NoControllingTty, 0);
        }
        catch (PosixException)
        {
            // It has ended, or is not ours to look at.
        }
        if (fd < 0)
        {
            return null;
        }
        var sink = new OutputSink(fd, kind == StdioKind.Socket, name, prefix);
        if (sink.IsAlive)
        {
            return sink;
        }
        sink.Dispose();
        return null;
    }

    private static int Take(int pid, int number)
    {
        var pidfd = Posix.OpenPidfd(pid);
        if (pidfd < 0)
        {
            return -1;
        }
        var fd = Posix.TakeDescriptor(pidfd, number);
        Posix.Close(pidfd);
        return fd;
    }

    private static string Path(int pid, int number) => string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/fd/{number}");
}
