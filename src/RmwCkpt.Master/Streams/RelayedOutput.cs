using Microsoft.Extensions.Logging;
using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Streams;

/// <summary>One output of a recovered process: its file, and whom it is passed on to. Not thread-safe.</summary>
internal sealed class RelayedOutput(Member member, OutputFile file, OutputSink? sink, Func<OutputSink?> console, ILogger log)
    : IDisposable
{
    private readonly byte[] _buffer = new byte[OutputSink.LongestLine];

    public string Path => file.Path.FullName;

    /// <summary>Null: nobody; it can be read in the file.</summary>
    public OutputSink? Sink { get; private set; } = sink;

    /// <summary>Passes on what there is. True: not all of it fitted.</summary>
    public bool Pump()
    {
        for (int n; Sink is not null && (n = file.Read(_buffer)) > 0;)
        {
            var passed = Sink.Write(_buffer.AsSpan(0, n));
            if (passed == 0)
            {
                break;
            }
            if (passed < 0)
            {
                Next();
            }
            else
            {
                file.Advance(passed);
            }
        }
        if (Sink is null)
        {
            file.Skip();
        }
        Trim();
        return Sink is { IsFull: true };
    }

    public void Dispose()
    {
        Sink?.Dispose();
        file.Dispose();
    }

    /// <summary>Nobody reads it any more.</summary>
    private void Next()
    {
        var gone = Sink!;
        Sink = gone.IsConsole ? null : console();
        log.OutputUnread(member.ToString(), gone.Name, Sink?.Name ?? Path);
        gone.Dispose();
    }

    private void Trim()
    {
        try
        {
            if (file.Trim() is > 0 and var bytes)
            {
                log.OutputLost(member.ToString(), bytes, Sink?.Name ?? "", Path);
            }
        }
        catch (IOException e)
        {
            log.OutputLost(member.ToString(), OutputFile.Limit, e.Message, Path);
        }
    }
}
