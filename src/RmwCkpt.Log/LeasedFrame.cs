using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>A frame that is read in place for long. One holder, who disposes of it.</summary>
public readonly struct LeasedFrame : IDisposable
{
    private readonly SegmentLease _segment;
    private readonly Mapping? _loans;
    private readonly Region _payload;

    /// <param name="segment">The frame's; this holds it.</param>
    /// <param name="loans">The <see cref="LoanFile"/> that the payload is in, if it is in one; this holds it.</param>
    internal LeasedFrame(SegmentLease segment, Mapping? loans, Region payload)
    {
        _segment = segment;
        _loans = loans;
        _payload = payload;
    }

    /// <inheritdoc cref="SegmentLease.Renew"/>
    public bool Renew() => _segment.Renew();

    /// <summary>Whether its bytes are what they were.</summary>
    public bool IsIntact => _loans is null
        ? _segment.IsIntact
        : LoanFile.FreeFromOf(_loans.View, _payload) == _segment.Number + 1;

    public void Dispose()
    {
        _loans?.Dispose();
        _segment.Dispose();
    }
}
