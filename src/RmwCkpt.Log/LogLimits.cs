namespace RmwCkpt.Log;

/// <summary>
/// What a log may keep. Asked at each new segment, so it may change at any time. Thread-safe.
/// </summary>
public interface ILogLimits
{
    /// <summary>Bytes up to which what nobody needs is kept all the same: history.</summary>
    long History { get; }

    /// <summary>
    /// Frames of this time or later, ns since the epoch, some snapshot may have to be followed by: they are kept beyond
    /// <see cref="History"/>.
    /// </summary>
    long NeededSince { get; }

    /// <summary>Bytes beyond which the oldest goes, needed or not.</summary>
    long Most { get; }

    /// <summary>Whether a process lives, and reads on: what its readers have not read is kept where nothing may be missed.</summary>
    bool IsReading(uint process);
}

/// <summary>A number of bytes, which only late joiners' messages (transient_local) exceed.</summary>
public sealed class FixedLimits(long bytes) : ILogLimits
{
    public long History => bytes;

    public long NeededSince => long.MaxValue;

    public long Most => long.MaxValue;

    public bool IsReading(uint process) => true;
}
