using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Messages;
using RmwCkpt.Middleware.Replay;

namespace RmwCkpt.Middleware.Sessions;

/// <summary>What endpoints and determinants ask of the session while messages flow.</summary>
public sealed partial class Session : IReplayed
{
    /// <summary>A message handled within this time of its sending, ns, is not late any more.</summary>
    private const long OnTime = 20_000_000;

    private volatile bool _tainted;

    /// <summary>The newest life that has published something new.</summary>
    private volatile uint _saidIn;

    /// <summary>
    /// Whether what is published now is late because of a recovery or a snapshot: this process catches up, or handles a
    /// message that was late for that reason. Living readers do not drop such messages for their depth.
    /// </summary>
    public bool IsRecovering => Home is { IsRecovering: true } || _tainted || Determinants.Clock.IsBehind || Slot.ReadUInt32(ProcessTable.Mode) != 0;

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
        lock (Determinants.Gate)
        {
            if (Determinants.Replays())
            {
                return false;
            }
        }
        var source = Open(log, reader =>
        {
            var before = inbox.ReadBefore(log);
            if (_hasMoved && before > 0)
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
        lock (Determinants.Gate)
        {
            if (!Determinants.TryRecordMatch(local.Id, log, source.Reader.NextSequence))
            {
                source.Dispose();
                return false;
            }
            inbox.Add(source);
        }
        RingSelf();
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

    bool IReplayed.ReplayMatch(uint entity, Gid log, long first)
    {
        if (Find(entity) is not Endpoint { Inbox: { } inbox })
        {
            return false;
        }
        if (!inbox.Reads(log))
        {
            OpenSource(inbox, log, first);
        }
        return true;
    }

    void IReplayed.FellBehind()
    {
        RingSelf();
        Table.Notify(SlotIndex);
    }

    bool IReplayed.IsTriggered(uint id) => Find(id) is Guard { IsTriggered: true };

    bool IReplayed.AwaitsTrigger(uint id) => Find(id) is Guard { IsTriggered: false, IsOfGraph: false };

    /// <summary>The journal is at its end: what the graph became meanwhile is matched now.</summary>
    void IReplayed.ReplayEnded()
    {
        _rematch = true;
        Table.Notify(SlotIndex);
    }

    /// <param name="saidIn">The life in which a divergence of this endpoint was last reported.</param>
    internal void CountPublish(AppendResult result, LogHead head, ref uint saidIn)
    {
        switch (result)
        {
            case AppendResult.Appended or AppendResult.Otherwise:
                Count(ProcessTable.Published, 1);
                NoteSaid();
                break;
            case AppendResult.Found:
                Count(ProcessTable.Suppressed, 1);
                break;
            default:
                Count(ProcessTable.Divergences, 1);
                if (saidIn != Incarnation)
                {
                    saidIn = Incarnation;
                    ReportDivergence(head);
                }
                break;
        }
    }

    /// <summary>Notes when a life that was brought back is first heard again.</summary>
    private void NoteSaid()
    {
        if (Incarnation is var life && _saidIn != life)
        {
            _saidIn = life;
            Slot.Write(ProcessTable.SaidAt, Determinants.Clock.Steady);
        }
    }

    /// <summary>Said once for each endpoint and life; the rest is in the counter.</summary>
    private static void ReportDivergence(LogHead head) =>
        Report.Error($"divergence: in replay {EndpointHead.Node(head)} published on {EndpointHead.Name(head)} something else than "
            + "its former life, whose message it remains");

    internal void CountTake(in FrameView frame)
    {
        Determinants.Clock.Saw(frame.Time);
        _tainted = (frame.Flags & Frame.Recovered) != 0 || WasHeldBack(frame.Time)
            || (_tainted && Determinants.Clock.Now - frame.Time > OnTime);
        Count(ProcessTable.Taken, 1);
        Count(ProcessTable.TakenBytes, frame.Payload.Length);
        if (Home is { } home)
        {
            // That domain's master says when the logs may soon let go of what was taken.
            home.Count(ProcessTable.TakenBytes, frame.Payload.Length);
        }
    }

    /// <summary>A wait had to sleep: nothing that was late is left.</summary>
    internal void CaughtUp() => _tainted = false;

    /// <summary>Whether a message of this time could not be handled sooner because a snapshot froze this process.</summary>
    private bool WasHeldBack(long time)
    {
        // By whose master it is frozen.
        var slot = Home?.Slot ?? Slot;
        var clock = Determinants.Clock;
        return clock.Steady - clock.Age(time) < slot.AcquireInt64(ProcessTable.FreezeEnd) || slot.AcquireUInt32(ProcessTable.Freezing) != 0;
    }

    /// <summary>Returns how many there were.</summary>
    internal long CountUnpublished()
    {
        Count(ProcessTable.Unpublished, 1);
        return Slot.ReadInt64(ProcessTable.Unpublished);
    }

    internal void CountLost(long messages) => Count(ProcessTable.Lost, messages);

    // Counters may miss one when threads meet; they are for people.
    private void Count(int counter, long more) => Slot.Write(counter, Slot.ReadInt64(counter) + more);

    /// <summary>Opens a log at a place; null when it is gone, or damaged, which is said.</summary>
    /// <param name="place">Seeks; returns <see cref="Source.Latched"/>.</param>
    private Source? Open(Gid log, Func<LogReader, long> place)
    {
        Source? source = null;
        try
        {
            // Rung from before it looks where the end is.
            source = new Source(log, LogReader.Open(Folder.Log(log)), _readership);
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
