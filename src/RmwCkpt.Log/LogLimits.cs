namespace RmwCkpt.Log;

/// <summary>
/// What a log may keep. Asked at each new segment, so it may change at any time. Thread-safe.
/// </summary>
public interface ILogLimits
{
    /// <summary>What no log or journal keeps less than, bytes: a small segment or two.</summary>
    public const long Least = 64 * 1024;

    /// <summary>Bytes up to which what nobody needs is kept all the same: history.</summary>
    long History { get; }

    /// <summary>
    /// Frames of this time or later, ns since the epoch, some snapshot may have to be followed by: they are kept beyond
    /// <see cref="History"/>.
    /// </summary>
    long NeededSince { get; }

    /// <summary>Bytes beyond which the oldest goes, needed or not.</summary>
    long Most { get; }

    /// <summary>
    /// Counts that the log has so many bytes more, if all logs together may have them: else it is to go on with what it has, or
    /// with <see cref="Least"/>.
    /// </summary>
    bool TryGrow(long bytes) => true;

    /// <summary>Whether all logs together have more than they may, for some had less than <see cref="Least"/> each.</summary>
    bool IsOverdrawn => false;

    /// <summary>Counts that the log has so many bytes more, or fewer, than was counted.</summary>
    void Count(long bytes)
    {
    }

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
