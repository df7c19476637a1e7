using RmwCkpt.Domain;

namespace RmwCkpt.Middleware.Messages;

/// <summary>
/// How long a message waits for a reader that is to miss nothing. Other middleware differs: some refuses after DDS'
/// max_blocking_time of 100 ms, some waits as long as it takes. Here one that is slow is waited for as long as it takes
/// messages, and nothing for ever.
/// </summary>
internal struct ReaderWait
{
    /// <summary>Milliseconds between two looks.</summary>
    public const int Pause = 1;

    /// <summary>Looks for which the reader's process takes nothing, at most.</summary>
    public const int MostIdle = 100;

    /// <summary>Looks at most: also where the process takes what others say, or a snapshot or recovery may hold it up.</summary>
    public const int Most = 10_000;

    private int _looks;
    private int _idle;
    private long _taken;

    public bool MayGoOn(ProcessTable table, uint reader)
    {
        var taken = table.Slot(reader).AcquireInt64(ProcessTable.Taken);
        _idle = taken == _taken ? _idle + 1 : 0;
        _taken = taken;
        return _looks++ < Most && (_idle < MostIdle || table.Domain.AcquireUInt32(ProcessTable.Freezing) != 0);
    }
}
