using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Replay;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Messages;

/// <summary>
/// Counts in the process' slot what a session's endpoints publish and take, and follows whether that is late for a recovery or a
/// snapshot. Thread-safe; allocates nothing.
/// </summary>
/// <param name="said">The incarnation that need not say when it was first heard, for it is no recovery.</param>
internal sealed class Traffic(Session session, uint said)
{
    /// <summary>A message handled within this time of its sending, ns, is not late any more.</summary>
    private const long OnTime = 20_000_000;

    private volatile bool _tainted;

    /// <summary>The newest incarnation that has published something new.</summary>
    private volatile uint _saidIn = said;

    private Region Slot => session.Slot;

    private ReplayJournal ReplayJournal => session.ReplayJournal;

    /// <summary>
    /// Whether what is published now is late because of a recovery or a snapshot: this process catches up, or handles a
    /// message that was late for that reason. Living readers do not drop such messages for their depth.
    /// </summary>
    public bool IsRecovering => session.Primary is { Traffic.IsRecovering: true } || _tainted || ReplayJournal.Clock.IsBehind
        || Slot.ReadUInt32(ProcessTable.Mode) != 0;

    /// <param name="saidIn">The incarnation in which a divergence of this endpoint was last reported.</param>
    public void CountPublish(AppendResult result, LogHead head, ref uint saidIn)
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
                if (saidIn != session.Incarnation)
                {
                    saidIn = session.Incarnation;
                    ReportDivergence(head);
                }
                break;
        }
    }

    /// <summary>Notes when an incarnation that was brought back is first heard again.</summary>
    private void NoteSaid()
    {
        if (session.Incarnation is var incarnation && _saidIn != incarnation)
        {
            _saidIn = incarnation;
            Slot.Write(ProcessTable.SaidAt, ReplayJournal.Clock.Steady);
        }
    }

    /// <summary>Said once for each endpoint and incarnation; the rest is in the counter.</summary>
    private static void ReportDivergence(LogHead head) =>
        Report.Error($"divergence: in replay {EndpointHead.Node(head)} published on {EndpointHead.Name(head)} something else than "
            + "its previous incarnation, whose message it remains");

    public void CountTake(in FrameView frame)
    {
        ReplayJournal.Clock.Saw(frame.Time);
        _tainted = (frame.Flags & Frame.Recovered) != 0 || WasHeldBack(frame.Time)
            || (_tainted && ReplayJournal.Clock.Now - frame.Time > OnTime);
        Count(ProcessTable.Taken, 1);
        Count(ProcessTable.TakenBytes, frame.Payload.Length);
        if (session.Primary is { } primary)
        {
            // That domain's master says when the logs may soon let go of what was taken.
            primary.Traffic.Count(ProcessTable.TakenBytes, frame.Payload.Length);
        }
    }

    /// <summary>A wait had to sleep: nothing that was late is left.</summary>
    public void CaughtUp() => _tainted = false;

    /// <summary>Whether a message of this time could not be handled sooner because a snapshot froze this process.</summary>
    private bool WasHeldBack(long time)
    {
        // By whose master it is frozen.
        var slot = session.Primary?.Slot ?? Slot;
        var clock = ReplayJournal.Clock;
        return clock.Steady - clock.Age(time) < slot.AcquireInt64(ProcessTable.FreezeEnd) || slot.AcquireUInt32(ProcessTable.Freezing) != 0;
    }

    /// <summary>Returns how many there were.</summary>
    public long CountUnpublished()
    {
        Count(ProcessTable.Unpublished, 1);
        return Slot.ReadInt64(ProcessTable.Unpublished);
    }

    public void CountLost(long messages) => Count(ProcessTable.Lost, messages);

    // Counters may miss one when threads meet; they are for people.
    private void Count(int counter, long more) => Slot.Write(counter, Slot.ReadInt64(counter) + more);
}
