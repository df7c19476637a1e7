using RmwCkpt.Log;
using RmwCkpt.Registry;

namespace RmwCkpt.Middleware;

/// <summary>What endpoints and determinants ask of the session while messages flow.</summary>
public sealed partial class Session : IReplayed
{
    /// <summary>A message handled within this time of its sending, ns, is not late any more.</summary>
    private const long OnTime = 20_000_000;

    private volatile bool _tainted;

    /// <summary>
    /// Whether what is published now is late because of a recovery or a snapshot: this process catches up, or handles a
    /// message that was late for that reason. Living readers do not drop such messages for their depth.
    /// </summary>
    public bool IsRecovering => _tainted || Determinants.Clock.IsBehind || Slot.ReadUInt32(ProcessTable.Mode) != 0;

    /// <summary>
    /// Has an endpoint read a log from now on, as the start rules have it: a log younger than the reader from its
    /// beginning; transient_local from the writer's depth before the end; else from the end. False in replay, where the
    /// journal says what is read, or when the log is gone.
    /// </summary>
    public bool TryRead(Endpoint local, Gid log)
    {
        var inbox = local.Inbox!;
        if (inbox.Reads(log))
        {
            return true;
        }
        lock (Determinants.Gate)
        {
            if (Determinants.IsReplaying)
            {
                return false;
            }
        }
        if (OpenReader(log) is not { } reader)
        {
            return false;
        }
        reader.Head.AddReader(SlotIndex);
        PlaceAtStart(reader, local);
        reader.SeekSequence(Math.Max(reader.NextSequence, inbox.ReadBefore(log)));
        lock (Determinants.Gate)
        {
            if (!Determinants.TryRecordMatch(local.Id, log, reader.NextSequence))
            {
                reader.Dispose();
                return false;
            }
            inbox.Add(new Source(log, reader));
        }
        RingSelf();
        return true;
    }

    /// <summary>Opens a log for an inbox at a sequence, for replay; null when it is gone.</summary>
    public Source? OpenSource(Inbox inbox, Gid log, long first)
    {
        if (OpenReader(log) is not { } reader)
        {
            return null;
        }
        reader.Head.AddReader(SlotIndex);
        reader.SeekSequence(first);
        var source = new Source(log, reader);
        inbox.Add(source);
        return source;
    }

    void IReplayed.ReplayMatch(uint entity, Gid log, long first)
    {
        if (Find(entity) is Endpoint { Inbox: { } inbox } && !inbox.Reads(log))
        {
            OpenSource(inbox, log, first);
        }
    }

    void IReplayed.FellBehind()
    {
        RingSelf();
        Table.Notify(SlotIndex);
    }

    bool IReplayed.IsTriggered(uint id) => Find(id) is Guard { IsTriggered: true };

    /// <summary>The journal is at its end: what the graph became meanwhile is matched now.</summary>
    void IReplayed.ReplayEnded()
    {
        _rematch = true;
        Table.Notify(SlotIndex);
    }

    internal void CountPublish(AppendResult result, LogHead head)
    {
        switch (result)
        {
            case AppendResult.Appended:
                Count(ProcessTable.Published, 1);
                break;
            case AppendResult.Found:
                Count(ProcessTable.Suppressed, 1);
                break;
            default:
                Count(ProcessTable.Divergences, 1);
                Report.Error(
                    $"divergence: in replay {EndpointHead.Node(head)} published on {EndpointHead.Name(head)} "
                    + (result == AppendResult.FoundLater
                        ? "what its former life published later; what was between is not repeated"
                        : "what its former life did not; it is published now"));
                break;
        }
    }

    internal void CountTake(in FrameView frame)
    {
        Determinants.Clock.Saw(frame.Time);
        _tainted = (frame.Flags & Frame.Recovered) != 0 || WasHeldBack(frame.Time)
            || (_tainted && Determinants.Clock.Now - frame.Time > OnTime);
        Count(ProcessTable.Taken, 1);
        Count(ProcessTable.TakenBytes, frame.Payload.Length);
    }

    /// <summary>A wait had to sleep: nothing that was late is left.</summary>
    internal void CaughtUp() => _tainted = false;

    /// <summary>Whether a message of this time could not be handled sooner because a snapshot froze this process.</summary>
    private bool WasHeldBack(long time) =>
        time < Slot.AcquireInt64(ProcessTable.FreezeEnd) || Slot.AcquireUInt32(ProcessTable.Freezing) != 0;

    internal void CountLost(long messages) => Count(ProcessTable.Lost, messages);

    // Counters may miss one when threads meet; they are for people.
    private void Count(int counter, long more) => Slot.Write(counter, Slot.ReadInt64(counter) + more);

    private LogReader? OpenReader(Gid log)
    {
        try
        {
            return LogReader.Open(Folder.Log(log));
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static void PlaceAtStart(LogReader reader, Endpoint local)
    {
        if (EndpointHead.Created(reader.Head) > local.Created)
        {
            reader.SeekFirst();
        }
        else if (local.Options.Qos.Durability == Durability.TransientLocal && local.Kind == EntityKind.Subscription)
        {
            var offered = EndpointHead.Qos(reader.Head);
            if (offered.History == History.KeepLast)
            {
                reader.SeekSequence(Math.Max(1, reader.Head.TailSequence - offered.Depth + 1));
            }
        }
        else
        {
            reader.SeekTail();
        }
    }
}
