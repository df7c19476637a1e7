using RmwCkpt.Log;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Messages;

/// <summary>Messages that are written where they will be read.</summary>
public sealed partial class Outbox
{
    /// <summary>What is lent, by the addresses of the payloads.</summary>
    private readonly Dictionary<nint, Loan> _loans = [];
    private bool _lends;

    /// <summary>
    /// Lends <paramref name="size"/> bytes, all zero: what a node does not write is to be the same in every incarnation of it. Empty:
    /// there are none, and the caller is to take memory of its own; so it is for what is larger than the first.
    /// </summary>
    public Region Borrow(long size)
    {
        Region payload;
        lock (_lock)
        {
            BeginLending();
            if (size is <= 0 or > Frame.MaxPayload || BorrowOwn((int)size) is not { } loan)
            {
                return default;
            }
            _loans.Add(loan.Payload.Address, loan);
            payload = loan.Payload.Slice(0, (int)size);
        }
        payload.All.Clear();
        return payload;
    }

    /// <summary>One that is in each snapshot: in those under way as well.</summary>
    private Loan? BorrowOwn(int size)
    {
        while (TryBorrow(size, isCopy: false) is { } loan)
        {
            if (!_session.Process.InUse.AreFreezing)
            {
                if (_writer.Keep(loan))
                {
                    return loan;
                }
                continue;
            }
            try
            {
                loan.Detach();
                return loan;
            }
            catch (PosixException)
            {
                _writer.Return(loan);
                return null;
            }
        }
        return null;
    }

    /// <summary>
    /// Has this outbox asked to detach its loans before each snapshot: before it looks whether one is being taken, and while it
    /// has the lock, without which nobody detaches.
    /// </summary>
    private void BeginLending()
    {
        if (!_lends)
        {
            _lends = true;
            _session.Process.Lenders.Add(this);
        }
    }

    private Loan? TryBorrow(int size, bool isCopy)
    {
        try
        {
            return isCopy ? _writer.BorrowForCopy(size) : _writer.Borrow(size);
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            // The file system is full: that will be said, if it still is, when the message is published. Or what a previous incarnation
            // has left is damaged: segments do as well.
            return null;
        }
    }

    /// <summary>
    /// Memory for a large message that is written, zero, between Begin and End. Null: it is to go into a segment; so it is while
    /// a snapshot is being taken, which never sees one half written.
    /// </summary>
    private Loan? BorrowForCopy(int size)
    {
        if (size < LogWriter.LargeFrom)
        {
            return null;
        }
        BeginLending();
        var loan = _session.Process.InUse.AreFreezing ? null : TryBorrow(size, isCopy: true);
        loan?.Payload.Span(0, size).Clear();
        return loan;
    }

    /// <summary>Takes back what was not published. False: there is nothing lent at this address.</summary>
    public bool Return(nint address)
    {
        lock (_lock)
        {
            if (!_loans.Remove(address, out var loan))
            {
                return false;
            }
            _writer.Return(loan);
            return true;
        }
    }

    /// <summary>Publishes the first <paramref name="size"/> bytes of what is lent. False: there is nothing lent at this address.</summary>
    /// <exception cref="Failure">TooLarge or Error; it is still lent.</exception>
    public bool Publish(nint address, long size)
    {
        EnterToPublish();
        try
        {
            if (!_loans.TryGetValue(address, out var loan))
            {
                return false;
            }
            if (size < 0 || size > loan.Payload.Length)
            {
                throw new Failure(Code.TooLarge, $"{size} bytes of a message that was lent with {loan.Payload.Length}");
            }
            // Read before the claim, as in Begin.
            _time = _session.ReplayJournal.Clock.Now;
            if (_session.ReplayJournal.Origin.Novelty is Novelty.New or Novelty.Late)
            {
                _writer.PassPrevious();
            }
            try
            {
                var result = Commit(loan, (int)size);
                _loans.Remove(address);
                Committed(result);
            }
            catch (PosixException e) when (e.Errno == Posix.Enospc)
            {
                _loans.Remove(address);
                _writer.Return(loan);
                CountDropped(size, e.Message);
            }
            catch (Exception e) when (e is PosixException or ReaderBehindException)
            {
                throw CannotPublish(size, e);
            }
            return true;
        }
        finally
        {
            Monitor.Exit(_lock);
        }
    }

    /// <exception cref="PosixException">As the writer's.</exception>
    /// <exception cref="ReaderBehindException">As the writer's, in the end; nothing is written.</exception>
    private AppendResult Commit(Loan loan, int size)
    {
        var wait = default(ReaderWait);
        while (true)
        {
            try
            {
                return _writer.Commit(loan, size, Flags, _session.Incarnation, _time, _session.ReplayJournal.Origin, out _);
            }
            catch (ReaderBehindException e) when (wait.MayGoOn(_session.Table, e.Process))
            {
                Await(ReaderWait.Pause);
            }
        }
    }

    /// <summary>Before a snapshot of this process: what is lent is its own, and is in the snapshot.</summary>
    internal void DetachLoans()
    {
        lock (_lock)
        {
            _writer.DetachLoans();
        }
    }

    /// <summary>In a new incarnation.</summary>
    public void RenewLoans()
    {
        lock (_lock)
        {
            if (_lends)
            {
                _writer.RenewLoans();
                _session.Process.InUse.BeginLending();
            }
        }
    }
}
