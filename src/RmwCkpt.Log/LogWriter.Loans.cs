using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>
/// Messages that are written where they will be read: lent, then published by a frame that refers to them. Slots of a log all
/// have one size.
/// </summary>
public sealed partial class LogWriter
{
    /// <summary>From how many bytes on a copy goes into what is lent: smaller ones are faster where others were just before.</summary>
    public const int LargeFrom = 96 * 1024;

    /// <summary>Up to how many bytes there is room left for others to be larger.</summary>
    private const int RoomLimit = 16 * 1024 * 1024;

    private LoanPool? _pool;

    /// <summary>What frames of a previous incarnation refer to.</summary>
    private LoanMap? _lentBefore;

    /// <summary>Frames of kind Lent in the segment at the position.</summary>
    private int _lentHere;

    /// <summary>How many messages that were lent a segment refers to at most: they are kept, and let go of, with it.</summary>
    private int LentPerSegment => Math.Clamp(UsualSize / _pool!.SlotSize, 1, LoanFile.MaxSlots);

    private long LentBytesPerSegment => _pool is null ? 0 : (long)LentPerSegment * _pool.SlotSize;

    /// <summary>Whether this segment has few copies or none, for which a small one would have done.</summary>
    private bool IsMostlyReferences => _view.Length <= SmallSize || (long)_offset * 4 <= _view.Length;

    /// <summary>
    /// Lends memory for one payload, in which anything may be. Null: there is none, for its readers hold too much, or it is
    /// larger than a slot, whose size the first that was asked for has set.
    /// </summary>
    /// <param name="capacity">How large others will be, which may be asked for after this one.</param>
    /// <exception cref="PosixException">The file system is full; nothing is changed.</exception>
    /// <exception cref="InvalidDataException">What a previous incarnation has left is damaged.</exception>
    public Loan? Borrow(int payload, int capacity = 0)
    {
        if (Head.AreFilesKept || Environment.SystemPageSize > LoanFile.PageSize)
        {
            return null;
        }
        if (_pool is null)
        {
            capacity = Math.Max(payload, capacity);
            var slotSize = LoanFile.SlotSizeFor(capacity);
            if (slotSize == 0)
            {
                return null;
            }
            _pool = new LoanPool(_folder, Head, slotSize, UsualSize);
        }
        return payload <= _pool.PayloadSize ? BorrowOrLetGo() : null;
    }

    /// <summary>Where the file system is full, of what the oldest segments refer to.</summary>
    private Loan BorrowOrLetGo()
    {
        while (true)
        {
            try
            {
                return _pool!.Borrow();
            }
            catch (PosixException e) when (e.Errno == Posix.Enospc && Head.FirstSegment < _number && !IsAwaited(Head.FirstSegment))
            {
                LetGo();
            }
        }
    }

    /// <summary>
    /// Lends memory for a message that is large, and not much smaller than this log's first large one. Both sides keep a
    /// <see cref="LoanFile"/> mapped, while each segment has to be mapped, and zeroed when it is used again. Null: there is
    /// none, and it is to go into a segment.
    /// </summary>
    /// <exception cref="PosixException">As Borrow's.</exception>
    public Loan? BorrowForCopy(int payload) =>
        payload < LargeFrom || payload <= (_pool?.PayloadSize ?? 0L) * 3 / 4
            ? null
            : Borrow(payload, payload <= RoomLimit ? payload + (payload / 4) : 0);

    /// <inheritdoc cref="LoanPool.Keep"/>
    public bool Keep(Loan loan) => _pool!.Keep(loan);

    /// <summary>Takes back what was lent and is not published.</summary>
    public void Return(Loan loan) => _pool!.Return(loan);

    /// <summary>Makes what is lent this process' own, before an image of it is taken.</summary>
    public void DetachLoans() => _pool?.Detach();

    /// <summary>In a new incarnation: what the previous one had lent is free.</summary>
    public void RenewLoans() => _pool?.Renew();

    /// <summary>Makes the first <paramref name="size"/> bytes of what was lent a message, or finds them in the log.</summary>
    /// <exception cref="PosixException">As Reserve's; it is still lent.</exception>
    public AppendResult Commit(Loan loan, int size, byte flags, uint incarnation, long time, in Origin origin, out long sequence)
    {
        var payload = loan.Payload.Slice(0, size);
        // A slot that another incarnation has made something else of is never referred to.
        var isCopied = loan.IsDetached || loan.FreeFrom != LoanFile.Borrowed;
        var reservation = isCopied ? Reserve(size) : Reserve(LoanReference.Size, isLent: true);
        if (isCopied || !reservation.InLog)
        {
            var result = isCopied
                ? CommitCopy(reservation, payload, flags, incarnation, time, origin, out sequence)
                : CompareWithPrevious(payload, 0, flags, incarnation, time, origin, out sequence);
            _pool!.Return(loan);
            return result;
        }
        if (_former.Count > 0 && origin.Novelty != Novelty.New && FindSaid(payload, 0, origin, out sequence) is { } found)
        {
            Abort(reservation);
            _pool!.Return(loan);
            return found;
        }
        var isOtherwise = IsOtherwise(origin);
        KillPoints.Hit(KillPoint.BeforeCommit);
        var reference = reservation.Payload;
        reference.Write(LoanReference.File, loan.FileNumber);
        reference.Write(LoanReference.Offset, loan.Offset);
        reference.Write(LoanReference.Length, size);
        reference.Write(LoanReference.Crc, payload.Crc32C(0, size));
        _pool!.Publish(loan, _number);
        _lentHere++;
        sequence = CommitInPlace(Frame.HeadSize + LoanReference.Size, flags, incarnation, time, origin, Frame.Lent, size);
        return isOtherwise ? AppendResult.Otherwise : AppendResult.Appended;
    }

    private AppendResult CommitCopy(
        in Reservation reservation, Region payload, byte flags, uint incarnation, long time, in Origin origin, out long sequence)
    {
        payload.All.CopyTo(reservation.Payload.All);
        return Commit(reservation, payload.Length, flags, incarnation, time, origin, out sequence);
    }

    /// <summary>The payload of a committed frame; of no bytes if it refers to nothing.</summary>
    private Region SaidAt(Region view, int offset)
    {
        var bytes = view.Slice(offset + Frame.HeadSize, view.AcquireInt32(offset + Frame.Length) - Frame.HeadSize);
        if (view.ReadByte(offset + Frame.Kind) != Frame.Lent)
        {
            return bytes;
        }
        _lentBefore ??= new LoanMap(_folder);
        return _lentBefore.TryFollow(bytes, -1, out var payload) ? payload : bytes.Slice(0, 0);
    }
}
