using RmwCkpt.Domain;
using RmwCkpt.Middleware.Entities;

namespace RmwCkpt.Middleware.Sessions;

/// <summary>
/// A session whose run folder somebody has removed (`rm -r`, or systemd-logind's RemoveIPC): what this process has mapped is
/// there still, without a name. All of its processes make their part of the domain again, by the same names and with what is
/// in it, and each is in the new one what it was in the old one: they go on talking, and new ones find them. What is gone is
/// what nobody has mapped: older messages, and all snapshots.
/// </summary>
public sealed partial class Session
{
    /// <summary>It has begun to move at least once: a log that was read before is read on from there, also while it moves.</summary>
    private bool _hasMoved;
    private bool _saidMove;

    /// <summary>It has begun to move, and not done all yet.</summary>
    private bool _isBetween;

    /// <summary>Whether the run folder is not the one any more that this session is in.</summary>
    private bool IsDisplaced => !IsLeaving && (_isBetween || !Folder.Folder.IsInPlace || !Table.Is(Folder) || !_graph.Is(Folder));

    /// <summary>
    /// Makes this process' part of the domain again, if its run folder is gone and it is not being released. What fails may be
    /// tried again.
    /// </summary>
    /// <exception cref="IOException">Why it could not.</exception>
    internal void MoveIfDisplaced()
    {
        lock (_moving)
        {
            if (!_stays && !_released && IsDisplaced)
            {
                Move();
            }
        }
    }

    private void Move()
    {
        // Where that fails nothing is changed: should the former come back, all is as it was.
        Folder.Ensure();
        _isBetween = _hasMoved = true;
        _descriptions.KeepAgain();
        lock (_saying)
        {
            SayHelloAgain(withEntities: false);
            lock (Determinants.Gate)
            {
                if (!Table.Is(Folder))
                {
                    Table.MoveTo(Folder, SlotIndex);
                }
                Determinants.RemakeJournal();
            }
            foreach (var entity in Entities)
            {
                (entity as Endpoint)?.Outbox?.Remake();
            }
            _matcher.Restart(() => _graph.MoveTo(Folder));
            SayHelloAgain();
            _masters = Table.Domain.AcquireUInt32(ProcessTable.Masters);
        }
        // What was committed on one side before the other had come.
        foreach (var entity in Entities)
        {
            (entity as Endpoint)?.Outbox?.RingAgain();
        }
        _matcher.Update();
        RingSelf();
        Table.Notify(SlotIndex);
        _isBetween = false;
        if (!_saidMove)
        {
            _saidMove = true;
            Report.Error($"somebody has removed {Folder.Run}: this process has made its part of it again, and goes on. Its snapshots "
                + "and older messages are gone; the next snapshot protects it again");
        }
    }
}
