using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Messages;

/// <summary>Has endpoints read logs, from where they are to begin. Thread-safe.</summary>
internal sealed class LogOpener(Session session)
{
    private readonly Readership _readership = new(session.SlotIndex);

    /// <summary>
    /// Sets again what a later incarnation of this process, now rolled back, may have changed in the logs that are read.
    /// </summary>
    public void Renew() => _readership.Renew();

    /// <summary>
    /// Has an endpoint read a log from now on, as the start rules have it: a log younger than the reader from its
    /// beginning; transient_local from the writer's depth before the end; else from the end. False in replay, where the
    /// journal says what is read, or when the log is gone.
    /// </summary>
    public bool TryRead(Endpoint local, Gid log)
    {
        var inbox = local.Inbox!;
        if (inbox.TryReadOn(log))
        {
            return true;
        }
        lock (session.ReplayJournal.Gate)
        {
            if (session.ReplayJournal.Replays())
            {
                return false;
            }
        }
        var source = Open(log, reader =>
        {
            var before = inbox.ReadBefore(log);
            if (session.Relocation.HasMoved && before > 0)
            {
                // Its writer went on while nobody could read what it wrote.
                reader.SeekSequence(before);
                return 0;
            }
            var latched = PlaceAtStart(reader, local);
            reader.SeekSequence(Math.Max(reader.NextSequence, before));
            return before == 0 ? latched : 0;
        });
        if (source is null)
        {
            return false;
        }
        lock (session.ReplayJournal.Gate)
        {
            if (!session.ReplayJournal.TryRecordMatch(local.Id, log, source.Reader.NextSequence))
            {
                source.Dispose();
                return false;
            }
            inbox.Add(source);
        }
        session.RingSelf();
        return true;
    }

    /// <summary>Opens a log for an inbox at a sequence, for replay; null when it is gone.</summary>
    public Source? OpenSource(Inbox inbox, Gid log, long first)
    {
        var source = Open(log, reader =>
        {
            reader.SeekSequence(first);
            return 0;
        });
        if (source is not null)
        {
            inbox.Add(source);
        }
        return source;
    }

    /// <summary>Opens a log at a place; null when it is gone, or damaged, which is said.</summary>
    /// <param name="place">Seeks; returns <see cref="Source.Latched"/>.</param>
    private Source? Open(Gid log, Func<LogReader, long> place)
    {
        Source? source = null;
        try
        {
            // Rung from before it looks where the end is.
            source = new Source(log, LogReader.Open(session.Folder.Log(log)), _readership);
            source.Latched = place(source.Reader);
            return source;
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            source?.Dispose();
            if (e is InvalidDataException)
            {
                Report.Error($"a log that cannot be read: {e.Message}");
            }
            return null;
        }
    }

    /// <summary>Goes to where an endpoint begins to read; returns the last message there that is older than the endpoint, or 0.</summary>
    private static long PlaceAtStart(LogReader reader, Endpoint local)
    {
        if (EndpointHead.Created(reader.Head) > local.Created)
        {
            reader.SeekFirst();
            return 0;
        }
        if (local.Options.Qos is { Durability: Durability.TransientLocal } asked && local.Kind == EntityKind.Subscription)
        {
            var last = reader.Head.TailSequence;
            var most = Math.Min(MostOf(EndpointHead.Qos(reader.Head)), MostOf(asked));
            reader.SeekSequence(Math.Max(1, last - most + 1));
            return last;
        }
        reader.SeekTail();
        return 0;
    }

    private static long MostOf(in Qos qos) => qos.History == History.KeepAll ? long.MaxValue / 2 : qos.Depth;
}
