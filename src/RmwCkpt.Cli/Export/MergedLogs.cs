using RmwCkpt.Cli.Journals;
using RmwCkpt.Log;

namespace RmwCkpt.Cli.Export;

/// <summary>A message as it is exported.</summary>
/// <param name="Time">When it was said, ns since the epoch.</param>
/// <param name="Place">
/// The same, but later than that of each message before it in its log: readers that go by time keep a publisher's order. One that
/// catches up after a death says several at a time.
/// </param>
/// <param name="Payload">Of its frame; valid until the next message.</param>
internal readonly record struct ExportedMessage(LogEntry Log, long Sequence, long Time, long Place, ReadOnlyMemory<byte> Payload);

/// <summary>Messages that a log had and that could not be read.</summary>
/// <param name="Time">Of the first message after them; 0: there is none.</param>
internal readonly record struct Gap(LogEntry Log, long First, long Count, long Time);

/// <summary>
/// Reads several logs as one, in the order of their messages' times, up to what they had when it began; their writers may go on
/// meanwhile. Has one message in memory, and of each log one segment mapped.
/// </summary>
internal sealed class MergedLogs : IDisposable
{
    private readonly LogCatalog _catalog;
    private readonly Period _period;
    private readonly List<Source> _sources = [];
    private readonly PriorityQueue<Source, (long Time, int Order)> _heads = new();
    private byte[] _payload = [];

    private readonly IReadOnlyCollection<LogEntry> _logs;

    public MergedLogs(LogCatalog catalog, IReadOnlyCollection<LogEntry> logs, Period period) =>
        (_catalog, _logs, _period) = (catalog, logs, period);

    /// <summary>Opens the logs: what they have now is what there is to read.</summary>
    public void Begin()
    {
        foreach (var log in _logs)
        {
            try
            {
                Open(log);
            }
            catch (Exception e) when (IsDamage(e))
            {
                Note(log, e);
            }
        }
    }

    /// <summary>Messages that are there, whether they are wanted or not.</summary>
    public long Count => _sources.Sum(x => Math.Max(0, x.Tail + 1 - x.First));

    /// <summary>Those of them that were passed.</summary>
    public long Passed { get; private set; }

    /// <summary>Told of what is missing.</summary>
    public Action<Gap>? OnGap { get; set; }

    public bool TryNext(out ExportedMessage message)
    {
        while (_heads.TryDequeue(out var source, out _))
        {
            ExportedMessage? taken = null;
            try
            {
                taken = Take(source);
                Queue(source);
            }
            catch (Exception e) when (IsDamage(e))
            {
                Note(source.Log, e);
            }
            if (taken is { } found)
            {
                message = found;
                return true;
            }
        }
        message = default;
        return false;
    }

    private void Open(LogEntry log)
    {
        var source = new Source(log, _catalog.Open(log.Gid), _sources.Count);
        _sources.Add(source);
        if (source.First > 1)
        {
            source.MissingBefore = source.First - 1;
        }
        Queue(source);
    }

    /// <summary>Copies the message that the source shows. Null: its memory is used again already, and the log has let go of it.</summary>
    private ExportedMessage? Take(Source source)
    {
        var (frame, reader) = (source.Frame, source.Reader);
        var length = frame.Payload.Length;
        if (_payload.Length < length)
        {
            _payload = GC.AllocateUninitializedArray<byte>(Math.Max(length, 1 << 16));
        }
        frame.Payload.All.CopyTo(_payload);
        if (!reader.IsIntact)
        {
            return null;
        }
        reader.Advance();
        Passed++;
        return new ExportedMessage(source.Log, frame.Sequence, frame.Time, source.Place, _payload.AsMemory(0, length));
    }

    /// <summary>Goes to the source's next message that is wanted, if it has one.</summary>
    private void Queue(Source source)
    {
        while (source.Reader.TryPeek(out var frame) && frame.Sequence <= source.Until)
        {
            NoteGap(source, frame.Sequence, frame.Time);
            if (_period.Contains(frame.Time))
            {
                source.Frame = frame;
                if (frame.Sequence != source.PlacedSequence)
                {
                    (source.Place, source.PlacedSequence) = (Math.Max(frame.Time, source.Place + 1), frame.Sequence);
                }
                _heads.Enqueue(source, (source.Place, source.Order));
                return;
            }
            source.Reader.Advance();
            Passed++;
        }
        NoteGap(source, source.Tail + 1, 0);
    }

    /// <summary>Says what is missing before a message that is there.</summary>
    private void NoteGap(Source source, long sequence, long time)
    {
        var missing = sequence - source.Expected + source.MissingBefore;
        if (missing > 0 && (time == 0 || _period.Contains(time)))
        {
            OnGap?.Invoke(new Gap(source.Log, source.Expected - source.MissingBefore, missing, time));
        }
        (source.Expected, source.MissingBefore) = (Math.Max(source.Expected, sequence + 1), 0);
    }

    /// <summary>Logs may be damaged, or gone meanwhile: what was read before that stays.</summary>
    private static bool IsDamage(Exception e) => e is IOException or InvalidDataException;

    private void Note(LogEntry log, Exception e) => _catalog.NoteDamaged($"{log.Topic} of {log.Node}: {e.Message}");

    public void Dispose()
    {
        foreach (var source in _sources)
        {
            source.Reader.Dispose();
        }
    }

    private sealed class Source(LogEntry log, LogReader reader, int order)
    {
        public LogEntry Log { get; } = log;

        public LogReader Reader { get; } = reader;

        public int Order { get; } = order;

        public long First { get; } = reader.NextSequence;

        /// <summary>What the head tells of, and one more: a writer that was killed may have committed that one unsaid.</summary>
        public long Tail { get; } = reader.Head.TailSequence;

        public long Until => Tail + 1;

        /// <summary>Sequence of the next message, if none is missing.</summary>
        public long Expected { get; set; } = reader.NextSequence;

        /// <summary>Messages before the first, that the log has let go of.</summary>
        public long MissingBefore { get; set; }

        public FrameView Frame { get; set; }

        /// <summary>Of the frame.</summary>
        public long Place { get; set; } = long.MinValue;

        public long PlacedSequence { get; set; }
    }
}
