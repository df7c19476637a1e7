using RmwCkpt.Domain;
using RmwCkpt.Log;

namespace RmwCkpt.Middleware.Messages;

/// <summary>
/// What each log of a domain may keep: a share of the domain's memory, and no more than RMW_CKPT_RETENTION where that is set.
/// </summary>
internal sealed class DomainLimits : ILogLimits
{
    private readonly ProcessTable _table;
    private readonly long? _retention;

    public DomainLimits(ProcessTable table)
    {
        _table = table;
        var settings = Settings.OfProcess;
        _retention = settings.Value(Settings.Retention);
        foreach (var complaint in settings.Complaints)
        {
            Report.Error(complaint);
        }
    }

    public long History => _retention ?? RunFolder.DefaultRetention;

    public long NeededSince => _retention is null ? new DomainMemory(_table.Domain).NeededSince : long.MaxValue;

    public long Most => new DomainMemory(_table.Domain).Share;

    public bool TryGrow(long bytes) => new DomainMemory(_table.Domain).TryGrow(bytes);

    public bool IsOverdrawn => new DomainMemory(_table.Domain).IsOverdrawn;

    public void Count(long bytes) => new DomainMemory(_table.Domain).Count(bytes);

    /// <summary>One that replays reads what its previous incarnation has read.</summary>
    public bool IsReading(uint process)
    {
        var slot = _table.Slot(process);
        return slot.AcquireUInt32(ProcessTable.State) == (uint)ProcessState.Live
            && slot.AcquireUInt32(ProcessTable.Mode) != (uint)ProcessMode.Replay;
    }
}
