using RmwCkpt.Domain;
using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Server;

/// <summary>Why a living process would not come back as it is, were it killed now.</summary>
internal static class Unprotected
{
    public static IEnumerable<string> Why(Member member)
    {
        if (member.Entry.State != ProcessState.Live || member.Entry.IsHidden || member.HasNodes)
        {
            yield break;
        }
        if (member.WhyNoSnapshot.Length > 0)
        {
            var which = member.LastPosition < 0 ? "no snapshot" : "no newer snapshot";
            yield return $"{which} (tried {(Clock.Steady - member.NoSnapshotAt) / Clock.Second} s ago): {member.WhyNoSnapshot}";
        }
        else if (member.SnapshotDoubt.Length > 0)
        {
            yield return member.SnapshotDoubt;
        }
        if (member.Slot.AcquireInt64(ProcessTable.JournalFirst) is > 0 and var first && member.LastPosition < first)
        {
            yield return "its journal no longer goes back to its beginning, and it has no snapshot since: "
                + "killed now, it is started anew, without what it knows";
        }
    }
}
