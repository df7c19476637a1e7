using RmwCkpt.Domain;

namespace RmwCkpt.Master.Recovery;

/// <summary>
/// Who is the next incarnation: a process that is revived by fork claims it in its slot before it does anything, and so does the
/// master before it begins one otherwise. An order of this master, or of one before, that is obeyed late finds it claimed.
/// </summary>
internal sealed partial class Recovery
{
    private ulong Claim => member.Slot.AcquireUInt64(ProcessTable.Claim);

    /// <summary>Who has claimed this incarnation, and lives; 0: nobody.</summary>
    private int Claimant() => Claim is var claim && claim >> 32 == _incarnation ? Living(claim) : 0;

    /// <summary>The process of a claim, if it lives and is of the domain; else 0.</summary>
    private int Living(ulong claim) =>
        (uint)claim is not (0 or ProcessTable.ByMaster) and var pid && supervisor.Registry.StartTime((int)pid) is not null
            && supervisor.Registry.IsOurs((int)pid)
            && !supervisor.Registry.Members.Any(m => m != member && m.Entry.Record.Pid == pid)
            ? (int)pid : 0;

    /// <summary>
    /// Opens the claim on this incarnation. Who had claimed the one before in the meantime, by an order of the master before, keeps it:
    /// it is this one then.
    /// </summary>
    private void OpenClaim()
    {
        while (true)
        {
            var former = Claim;
            if (member.Slot.CompareExchange(ProcessTable.Claim, former, ProcessTable.ClaimOf(_incarnation, (uint)Living(former))))
            {
                return;
            }
        }
    }

    /// <summary>Takes the claim, or says who has it: then that one is the incarnation.</summary>
    private int TakeClaim()
    {
        while (true)
        {
            var claim = Claim;
            if (Living(claim) is > 0 and var pid)
            {
                return pid;
            }
            if (member.Slot.CompareExchange(ProcessTable.Claim, claim, ProcessTable.ClaimOf(_incarnation, ProcessTable.ByMaster)))
            {
                return 0;
            }
        }
    }
}
