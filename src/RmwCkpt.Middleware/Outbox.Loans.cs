using RmwCkpt.Log;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware;

/// <summary>Messages that are written where they will be read.</summary>
public sealed partial class Outbox
{
    /// <summary>What is lent, by the addresses of the payloads.</summary>
    private readonly Dictionary<nint, Loan> _loans = [];
    private bool _lends;

    /// <summary>
    /// Lends <paramref name="size"/> bytes, all zero: what a node does not write is to be the same in every life of it. Empty:
    /// there are none, and the caller is to take memory of its own. All that are asked for must be of one size.
    /// </summary>
    public Region Borrow(long size)
    {
        Loan? loan;
        lock (_lock)
        {
            loan = TryBorrow(size);
            if (loan is null)
            {
                return default;
            }
            _loans.Add(loan.Payload.Address, loan);
            if (!_lends)
            {
                _lends = true;
                Lenders.Add(this);
            }
            if (Homes.AreFreezing)
            {
                loan.Detach();
            }
        }
        loan.Payload.All.Clear();
        return loan.Payload;
    }

    private Loan? TryBorrow(long size)
    {
        try
        {
            return size is > 0 and <= Frame.MaxPayload ? _writer.Borrow((int)size) : null;
        }
        catch (PosixException)
        {
            // The file system is full: that will be said, if it still is, when the message is published.
            return null;
        }
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
    /// <exception cref="Failure">TooLarge or NoSpace; it is still lent.</exception>
    public bool Publish(nint address, long size)
    {
        lock (_lock)
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
            _time = _session.Determinants.Clock.Now;
            try
            {
                var result = _writer.Commit(loan, (int)size, Flags, _session.Incarnation, _time, out _);
                _loans.Remove(address);
                Committed(result);
            }
            catch (PosixException e)
            {
                throw CannotPublish(size, e);
            }
            return true;
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

    /// <summary>In a new life.</summary>
    public void RenewLoans()
    {
        lock (_lock)
        {
            if (_lends)
            {
                _writer.RenewLoans();
                Homes.BeginLending();
            }
        }
    }
}
