using RmwCkpt.Middleware.Entities;

namespace RmwCkpt.Middleware.Sessions;

/// <summary>
/// A session whose run folder somebody has removed (`rm -r`, or systemd-logind's RemoveIPC): what this process has mapped is
/// there still, without a name. All of its processes make their part of the domain again, by the same names and with what is
/// in it, and each is in the new one what it was in the old one: they go on talking, and new ones find them. What is gone is
/// what nobody has mapped: older messages, and all snapshots.
/// </summary>
internal sealed class Relocation(Session session)
{
    /// <summary>Held while what is mapped goes elsewhere, and by who says that it stays.</summary>
    private readonly object _moving = new();

    /// <summary>It is being released, and goes nowhere any more. Under <see cref="_moving"/>.</summary>
    private bool _stays;
    private bool _saidMove;

    /// <summary>It has begun to move, and not done all yet.</summary>
    private bool _isBetween;

    /// <summary>It has begun to move at least once: a log that was read before is read on from there, also while it moves.</summary>
    public bool HasMoved { get; private set; }

    /// <summary>Whether the run folder is not the one any more that this session is in.</summary>
    private bool IsDisplaced => !session.ProcessSlot.IsLeaving && (_isBetween || !session.Folder.Folder.IsInPlace
        || !session.Table.Is(session.Folder) || !session.GraphTable.Is(session.Folder));

    /// <summary>
    /// Makes this process' part of the domain again, if its run folder is gone and it is not being released. What fails may be
    /// tried again.
    /// </summary>
    /// <exception cref="IOException">Why it could not.</exception>
    public void MoveIfDisplaced()
    {
        lock (_moving)
        {
            if (!_stays && !session.IsReleased && IsDisplaced)
            {
                Move();
            }
        }
    }

    /// <summary>
    /// From here on it is not made again elsewhere. False: it is right now, by the guardian, and that lasts: then all is to
    /// stay mapped.
    /// </summary>
    public bool Stay()
    {
        if (!Monitor.TryEnter(_moving, Registration.Patience))
        {
            return false;
        }
        _stays = true;
        Monitor.Exit(_moving);
        return true;
    }

    private void Move()
    {
        // Where that fails nothing is changed: should the former come back, all is as it was.
        session.Folder.Ensure();
        _isBetween = HasMoved = true;
        session.Registration.SayHelloAround(Remake);
        // What was committed on one side before the other had come.
        foreach (var entity in session.Entities)
        {
            (entity as Endpoint)?.Outbox?.RingAgain();
        }
        session.Matcher.Update();
        session.RingSelf();
        session.Table.Notify(session.SlotIndex);
        _isBetween = false;
        if (!_saidMove)
        {
            _saidMove = true;
            Report.Error($"somebody has removed {session.Folder.Run}: this process has made its part of it again, and goes on. Its "
                + "snapshots and older messages are gone; the next snapshot protects it again");
        }
    }

    private void Remake()
    {
        lock (session.ReplayJournal.Gate)
        {
            if (!session.Table.Is(session.Folder))
            {
                session.Table.MoveTo(session.Folder, session.SlotIndex);
            }
            session.ReplayJournal.RemakeJournal();
        }
        session.SnapshotPlace.Remake();
        foreach (var entity in session.Entities)
        {
            (entity as Endpoint)?.Outbox?.Remake();
        }
        session.Matcher.Restart(() => session.GraphTable.MoveTo(session.Folder));
        // Not before the master has been found: until then the new folder may be removed too, and made again once more.
        session.Descriptions.KeepAgain();
    }
}
