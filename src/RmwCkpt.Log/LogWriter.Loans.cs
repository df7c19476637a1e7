using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>
/// Messages that are written where they will be read: lent, then published by a frame that refers to them. All of a log
/// have the same size.
/// </summary>
public sealed partial class LogWriter
{
    private LoanPool? _pool;

    /// <summary>What frames of a former life refer to.</summary>
    private LoanMap? _lentBefore;

    /// <summary>Frames of kind Lent in the segment at the position.</summary>
    private int _lentHere;

    private int SlotSize => LoanFile.SlotSizeFor(_pool!.PayloadSize);

    /// <summary>How many messages that were lent a segment refers to at most: they are kept, and let go of, with it.</summary>
    private int LentPerSegment => Math.Clamp(_usualSegmentSize / SlotSize, 1, LoanFile.MaxSlots);

    private long LentBytesPerSegment => (long)LentPerSegment * SlotSize;

    private int LentSegmentSize => Math.Min(FirstSegmentSize, _usualSegmentSize);

    /// <summary>
    /// Lends memory for one payload, in which anything may be. Null: there is none, for its readers hold too much, or it is
    /// too large.
    /// </summary>
    /// <exception cref="PosixException">The file system is full; nothing is changed.</exception>
    public Loan? Borrow(int payload)
    {
        var slotSize = LoanFile.SlotSizeFor(payload);
        if (Head.AreFilesKept || slotSize == 0)
        {
            return null;
        }
        _pool ??= new LoanPool(_folder, Head, payload, slotSize, Math.Clamp(_usualSegmentSize / slotSize, 1, LoanFile.MaxSlots));
        return _pool.PayloadSize == payload
            ? _pool.Borrow()
            : throw new ArgumentException($"a log that lends {_pool.PayloadSize} bytes does not lend {payload}", nameof(payload));
    }

    /// <summary>Takes back what was lent and is not published.</summary>
    public void Return(Loan loan) => _pool!.Return(loan);

    /// <summary>Makes what is lent this process' own, before an image of it is taken.</summary>
    public void DetachLoans() => _pool?.Detach();

    /// <summary>In a new life: what the former one had lent is free.</summary>
    public void RenewLoans() => _pool?.Renew();

    /// <summary>Makes the first <paramref name="size"/> bytes of what was lent a message, or finds them in the log.</summary>
    /// <exception cref="PosixException">As Reserve's; it is still lent.</exception>
    public AppendResult Commit(Loan loan, int size, byte flags, uint incarnation, long time, out long sequence)
    {
        var payload = loan.Payload.Slice(0, size);
        var reservation = loan.IsDetached ? Reserve(size) : Reserve(LoanReference.Size, isLent: true);
        if (loan.IsDetached || !reservation.InLog)
        {
            var result = loan.IsDetached
                ? CommitCopy(reservation, payload, flags, incarnation, time, out sequence)
                : CompareWithFormerLife(payload, 0, flags, incarnation, time, out sequence);
            _pool!.Return(loan);
            return result;
        }
        if (IsSaidAgain(payload, 0, flags, out sequence))
        {
            Abort(reservation);
            _pool!.Return(loan);
            return AppendResult.Found;
        }
        KillPoints.Hit(KillPoint.BeforeCommit);
        var reference = reservation.Payload;
        reference.Write(LoanReference.File, loan.FileNumber);
        reference.Write(LoanReference.Offset, loan.Offset);
        reference.Write(LoanReference.Length, size);
        reference.Write(LoanReference.Crc, payload.Crc32C(0, size));
        _pool!.Publish(loan, _number);
        _lentHere++;
        sequence = CommitInPlace(Frame.HeadSize + LoanReference.Size, flags, incarnation, time, Frame.Lent, size);
        return AppendResult.Appended;
    }

    private AppendResult CommitCopy(
        in Reservation reservation, Region payload, byte flags, uint incarnation, long time, out long sequence)
    {
        payload.All.CopyTo(reservation.Payload.All);
        return Commit(reservation, payload.Length, flags, incarnation, time, out sequence);
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
