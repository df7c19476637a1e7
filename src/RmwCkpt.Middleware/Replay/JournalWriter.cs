using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Replay;

/// <summary>
/// Writes a process' journal, and says in its slot how far. Where it cannot be written the process goes on, and it begins anew
/// when it can be. Under the gate.
/// </summary>
internal sealed class JournalWriter(Journal journal, Region slot)
{
    /// <summary>How long, ns, after a journal could not be written it is tried again.</summary>
    private const long Retry = 100_000_000;

    private bool _isBroken;
    private long _triedAt;

    /// <summary>The slot in the domain whose master takes this process' snapshots, if it is another one.</summary>
    public Region PrimarySlot { get; set; }

    /// <summary>False: a former life's cell stands at the position. What cannot be written counts as written.</summary>
    public bool TryAppend(in Cell cell)
    {
        if (_isBroken && !TryBeginAnew())
        {
            return true;
        }
        try
        {
            if (!journal.TryAppend(cell))
            {
                return false;
            }
        }
        catch (IOException e)
        {
            (_isBroken, _triedAt) = (true, Posix.Now(Posix.MonotonicClock));
            slot.Write(ProcessTable.Unjournalled, 1u);
            Report.Error($"the journal cannot be written ({e.Message}): until it can, this process cannot be recovered to where it is");
            return true;
        }
        slot.Write(ProcessTable.JournalEnd, journal.Position);
        slot.Write(ProcessTable.JournalFirst, journal.First);
        if (!PrimarySlot.IsEmpty)
        {
            PrimarySlot.Increment(ProcessTable.SecondaryCells);
        }
        return true;
    }

    /// <summary>
    /// Somebody has removed the journal, and the logs that it speaks of: it begins anew, for what was before can be replayed no
    /// more; in a replay what is mapped of it is made again.
    /// </summary>
    /// <exception cref="PosixException">ENOSPC and the like; it can be tried again.</exception>
    public void Remake(bool isReplaying)
    {
        if (journal.IsNamed)
        {
            return;
        }
        if (isReplaying)
        {
            journal.Remake();
        }
        else
        {
            journal.BeginAnew();
        }
        slot.Write(ProcessTable.JournalFirst, journal.First);
    }

    /// <summary>Earlier snapshots are of no use then, which the master sees by its first cell.</summary>
    private bool TryBeginAnew()
    {
        var now = Posix.Now(Posix.MonotonicClock);
        if (now - _triedAt < Retry)
        {
            return false;
        }
        _triedAt = now;
        try
        {
            journal.BeginAnew();
        }
        catch (IOException)
        {
            return false;
        }
        _isBroken = false;
        slot.Write(ProcessTable.Unjournalled, 0u);
        Report.Error("there is room for the journal again: from its next snapshot on this process can be recovered");
        return true;
    }
}
