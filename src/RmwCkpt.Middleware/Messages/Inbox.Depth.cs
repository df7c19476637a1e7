using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Messages;

/// <summary>KEEP_LAST, and what is dropped for it.</summary>
public sealed partial class Inbox
{
    /// <summary>How long after a snapshot its images are still moved and removed, ns.</summary>
    private const long Aftermath = 200_000_000;

    /// <summary>What may wait beyond the depth, until the reader has caught up to its depth again.</summary>
    private long _credit;
    private uint _freezes;

    /// <summary>Messages lost to retention or damage, or dropped as KEEP_LAST has it.</summary>
    public long Dropped { get; private set; }

    /// <summary>A reader that was waiting is not slow: what has come meanwhile does not count against its depth.</summary>
    public void Credit()
    {
        lock (_lock)
        {
            _credit = Math.Max(_credit, Pending);
        }
    }

    private long Pending
    {
        get
        {
            var pending = 0L;
            foreach (var source in Sources)
            {
                pending += source.Reader.Pending;
            }
            return pending;
        }
    }

    /// <summary>
    /// KEEP_LAST: a reader that was busy while more than its depth came gets the newest. It is not slow, and nothing is
    /// dropped, where a snapshot or recovery of anyone in the domain took its time, where it was waiting, or where the
    /// writer is catching up. None of that excuses what was there before the reader.
    /// </summary>
    private void DropLate()
    {
        if (_qos.History == History.KeepAll || _repliesTo is not null)
        {
            return;
        }
        var pending = Pending;
        pending -= DropLatched(pending - _qos.Depth);
        if (pending <= _qos.Depth)
        {
            _credit = 0;
            return;
        }
        if (pending <= _qos.Depth + _credit)
        {
            return;
        }
        if (IsDisturbed())
        {
            _credit = pending;
            return;
        }
        foreach (var source in Sources)
        {
            // What a recovering writer says late is followed by more at once; what it said before its death may be here too.
            if (source.Reader.HasAhead(Frame.Recovered))
            {
                _credit = pending;
                return;
            }
        }
        // More comes than it takes, and nobody else is to blame.
        var dropped = 0;
        for (_credit = 0; pending - dropped > _qos.Depth && Choose(long.MaxValue, out _) is { } late; dropped++)
        {
            late.Reader.Advance();
        }
        CountDropped(dropped);
    }

    /// <summary>
    /// Of so many messages too many passes those that were there before the reader, oldest first, and says how many. They are
    /// not lost: it asked for no more.
    /// </summary>
    private long DropLatched(long most)
    {
        var dropped = 0L;
        while (dropped < most)
        {
            Source? oldest = null;
            var first = long.MaxValue;
            foreach (var source in Sources)
            {
                if (source.Reader.NextSequence <= source.Latched && HasNext(source, out var time, long.MaxValue)
                    && source.Reader.NextSequence <= source.Latched && time < first)
                {
                    (oldest, first) = (source, time);
                }
            }
            if (oldest is null)
            {
                break;
            }
            oldest.Reader.Advance();
            dropped++;
        }
        return dropped;
    }

    /// <summary>
    /// Whether a snapshot or recovery in this domain, or in the primary one of this process, takes processor time, or did since
    /// this was last asked.
    /// </summary>
    private bool IsDisturbed()
    {
        var domain = _session.Table.Domain;
        var before = _freezes;
        _freezes = domain.AcquireUInt32(ProcessTable.Freezes);
        return _freezes != before || IsDisturbed(domain) || (_session.Primary is { } primary && IsDisturbed(primary.Table.Domain));
    }

    private bool IsDisturbed(Region domain) =>
        domain.AcquireUInt32(ProcessTable.Freezing) != 0
        || _session.ReplayJournal.Clock.Steady - domain.AcquireInt64(ProcessTable.FreezeEnd) is >= 0 and < Aftermath;

    private void CountDropped(long count)
    {
        Dropped += count;
        if (_session.EntityTable.HasEvents)
        {
            // One tells of it, and who waits for that one is not who takes.
            _session.RingSelf();
        }
    }
}
