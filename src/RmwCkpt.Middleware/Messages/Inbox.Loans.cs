using RmwCkpt.Log;

namespace RmwCkpt.Middleware.Messages;

/// <summary>Messages that are read where they are, for as long as the caller likes.</summary>
public sealed partial class Inbox
{
    private readonly Dictionary<nint, LeasedFrame> _loans = [];
    private nint _lentAddress;

    /// <summary>
    /// Instead of End: the caller goes on reading the message where it is, until Return. False: as End, and nothing is lent.
    /// </summary>
    public bool EndWithLoan()
    {
        LeasedFrame? kept = null;
        try
        {
            kept = _lentFrom!.Reader.Lease(_session.SlotIndex, _entity);
            if (kept is { } frame)
            {
                lock (_loans)
                {
                    // Rolled back to when it was lent, to what is no longer kept, one may be lent again where it was.
                    if (_loans.Remove(_lentAddress, out var former))
                    {
                        former.Dispose();
                    }
                    _loans.Add(_lentAddress, frame);
                }
            }
            return kept is not null;
        }
        finally
        {
            End(passed: kept is not null);
        }
    }

    /// <summary>Takes back what EndWithLoan left with the caller. False: there is nothing lent at this address.</summary>
    public bool Return(nint address)
    {
        lock (_loans)
        {
            if (!_loans.Remove(address, out var kept))
            {
                return false;
            }
            kept.Dispose();
            return true;
        }
    }

    /// <summary>What was never given back goes with the endpoint.</summary>
    private void DropLoans()
    {
        lock (_loans)
        {
            foreach (var kept in _loans.Values)
            {
                kept.Dispose();
            }
            _loans.Clear();
        }
    }

    /// <summary>In a new incarnation: says again what is lent. What was used again since the snapshot is counted as lost.</summary>
    public void RenewLoans()
    {
        var lost = 0;
        lock (_loans)
        {
            foreach (var held in _loans.Values)
            {
                held.Renew();
                lost += held.IsIntact ? 0 : 1;
            }
        }
        if (lost > 0)
        {
            _session.Traffic.CountLost(lost);
            Report.Error(
                $"{lost} messages that were lent when the snapshot was taken are no longer kept (RMW_CKPT_RETENTION): " +
                "who reads them now reads something else");
        }
    }
}
