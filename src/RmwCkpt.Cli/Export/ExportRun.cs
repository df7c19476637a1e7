using RmwCkpt.Cli.Journals;
using RmwCkpt.Domain;

namespace RmwCkpt.Cli.Export;

/// <summary>
/// One export: the messages of some logs, and among them what happened to the domain (deaths, recoveries, losses), in the order of
/// their times.
/// </summary>
internal sealed class ExportRun(RunFolder folder, LogCatalog catalog, IReadOnlyCollection<LogEntry> logs, Period period)
{
    /// <summary>Messages after which it looks up: says how far it is, and whether it is to stop.</summary>
    private const int Stride = 1024;

    private readonly PriorityQueue<RunEvent, long> _events = new();
    private readonly List<(LogEntry, string)> _missing = [];
    private readonly HashSet<LogEntry> _begun = [];
    private long _last;

    public long Messages { get; private set; }

    /// <summary>What is missing of which log, but for what that had let go of before this began.</summary>
    public IReadOnlyList<(LogEntry Log, string What)> Missing => _missing;

    /// <param name="progress">Told of how many messages, of how many, are passed.</param>
    /// <exception cref="OperationCanceledException">It is to stop.</exception>
    public void Write(IExport export, Action<long, long> progress, CancellationToken stop)
    {
        using var merged = new MergedLogs(catalog, logs, period) { OnGap = Note };
        foreach (var happened in MasterLog.Read(folder).Where(x => period.Contains(x.Time)))
        {
            _events.Enqueue(happened, happened.Time);
        }
        merged.Begin();
        var count = merged.Count;
        while (merged.TryNext(out var message))
        {
            WriteEvents(export, message.Place);
            export.Add(message);
            _begun.Add(message.Log);
            _last = Math.Max(_last, message.Place);
            if (++Messages % Stride == 0)
            {
                stop.ThrowIfCancellationRequested();
                progress(merged.Passed, count);
            }
        }
        WriteEvents(export, long.MaxValue);
        foreach (var text in Counters.Of(folder, logs))
        {
            export.Add(new RunEvent(_last, Severity.Warning, "status", text));
        }
        export.Finish();
        progress(count, count);
    }

    private void WriteEvents(IExport export, long until)
    {
        while (_events.TryPeek(out var happened, out var time) && time <= until)
        {
            _events.Dequeue();
            export.Add(happened);
            _last = Math.Max(_last, time);
        }
    }

    private void Note(Gap gap)
    {
        var of = $"of {gap.Log.Node} on {McapExport.TopicOf(gap.Log)}";
        var which = gap.Count == 1 ? $"message {gap.First}" : $"messages {gap.First} to {gap.First + gap.Count - 1}";
        var time = gap.Time == 0 ? _last : gap.Time;
        if (gap.First == 1 && !_begun.Contains(gap.Log))
        {
            _events.Enqueue(new RunEvent(time, Severity.Information, "export", $"{which} {of}: no longer kept"), time);
            return;
        }
        var text = $"{which} {of}: missing, for the log has let go of them meanwhile or is damaged";
        _missing.Add((gap.Log, text));
        _events.Enqueue(new RunEvent(time, Severity.Warning, "export", text), time);
    }
}
