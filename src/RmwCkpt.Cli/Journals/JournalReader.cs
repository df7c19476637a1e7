using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Replay;

namespace RmwCkpt.Cli.Journals;

/// <summary>One line of a journal as people read it.</summary>
public sealed record JournalLine(
    long Time, string What, string Topic, string From, long Sequence, string Message, long Cell);

/// <summary>Reads what processes took and published out of their journals and logs, dead or alive.</summary>
public sealed class JournalReader(RunFolder folder, LogCatalog catalog)
{
    /// <summary>What a process took and published, in the order of time; a take at its last clock read.</summary>
    public List<JournalLine> OfProcess(ulong process)
    {
        var lines = new List<JournalLine>();
        ReadTakes(process, lines, _ => true);
        foreach (var log in catalog.All.Where(l => l.Gid.Process == process))
        {
            ReadPublished(log, lines);
        }
        lines.Sort((a, b) => a.Time != b.Time ? a.Time.CompareTo(b.Time) : a.Cell.CompareTo(b.Cell));
        return lines;
    }

    /// <summary>What was published on a topic or service, and who took it.</summary>
    public List<JournalLine> OfTopic(string topic)
    {
        var lines = new List<JournalLine>();
        foreach (var log in catalog.All.Where(l => l.Topic == topic))
        {
            ReadPublished(log, lines);
        }
        foreach (var name in folder.Processes.Names())
        {
            if (ulong.TryParse(name, System.Globalization.NumberStyles.HexNumber, null, out var process))
            {
                ReadTakes(process, lines, log => log.Topic == topic);
            }
        }
        lines.Sort((a, b) => a.Time.CompareTo(b.Time));
        return lines;
    }

    private void ReadPublished(LogEntry log, List<JournalLine> lines) => Try(() =>
    {
        using var reader = catalog.Open(log.Gid);
        while (reader.TryPeek(out var frame))
        {
            var what = log.Kind switch
            {
                EntityKind.Client => "requested",
                EntityKind.Service => "replied",
                _ => "published",
            };
            lines.Add(new JournalLine(
                frame.Time, what, log.Topic, log.Node, frame.Sequence, catalog.Decode(log, frame.Payload.All), long.MaxValue));
            reader.Advance();
        }
    });

    /// <summary>Reads what may be damaged, or gone meanwhile: what was read before that stays.</summary>
    private void Try(Action read)
    {
        try
        {
            read();
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            catalog.NoteDamaged(e.Message);
        }
    }

    private void ReadTakes(ulong process, List<JournalLine> lines, Func<LogEntry, bool> wanted)
    {
        if (folder.Journal(process).Exists)
        {
            Try(() => ReadJournal(process, lines, wanted));
        }
    }

    private void ReadJournal(ulong process, List<JournalLine> lines, Func<LogEntry, bool> wanted)
    {
        using var journal = Journal.OpenToRead(folder.Journal(process));
        var taker = catalog.All.FirstOrDefault(l => l.Gid.Process == process)?.Node ?? $"{process:x}";
        var logs = new List<Gid>();
        var readers = new Dictionary<Gid, LogReader>();
        ulong part = 0;
        long time = 0;
        for (; journal.TryPeek(out var cell); journal.Advance())
        {
            switch ((Determinant)cell.Kind)
            {
                case Determinant.Time when cell.Detail == 0:
                    time = cell.Value;
                    break;
                case Determinant.LogProcess:
                    part = (ulong)cell.Value;
                    break;
                case Determinant.LogEntity:
                    logs.Add(new Gid(part, (uint)cell.Value, (uint)(cell.Value >> 32)));
                    break;
                case Determinant.Take when cell.Detail < logs.Count:
                    var gid = logs[(int)cell.Detail];
                    if (catalog.Find(gid) is { } log && wanted(log))
                    {
                        var (sent, text) = Fetch(readers, log, cell.Value);
                        lines.Add(new JournalLine(
                            Math.Max(time, sent), $"{taker} took", log.Topic, log.Node, cell.Value, text, journal.Position));
                    }
                    break;
            }
        }
        foreach (var reader in readers.Values)
        {
            reader.Dispose();
        }
    }

    private (long Time, string Text) Fetch(Dictionary<Gid, LogReader> readers, LogEntry log, long sequence)
    {
        (long, string) found = (0, "(no longer kept)");
        Try(() =>
        {
            if (!readers.TryGetValue(log.Gid, out var reader))
            {
                readers[log.Gid] = reader = catalog.Open(log.Gid);
            }
            reader.SeekSequence(sequence);
            if (reader.TryPeek(out var frame) && frame.Sequence == sequence)
            {
                found = (frame.Time, catalog.Decode(log, frame.Payload.All));
            }
        });
        return found;
    }
}
