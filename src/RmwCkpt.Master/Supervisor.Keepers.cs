using Microsoft.Extensions.Logging;
using RmwCkpt.Master.Registry;
using RmwCkpt.Memory;
using RmwCkpt.Registry;

namespace RmwCkpt.Master;

/// <summary>Processes that stand in for those that were brought back: their launchers' children.</summary>
internal sealed partial class Supervisor
{
    private readonly DeathWatch _keepers;

    private void OnKept(Member member, int pidfd)
    {
        Log.Kept(member.ToString(), member.Entry.Record.Keeper.Pid);
        _keepers.Add(member.Id, pidfd);
    }

    /// <summary>Watches the keepers of the master before.</summary>
    private void AdoptKeepers()
    {
        foreach (var member in Registry.Members.Where(Registry.HasKeeper))
        {
            if (Registry.OpenPidfd((int)member.Entry.Record.Keeper.Pid) is >= 0 and var pidfd)
            {
                _keepers.Add(member.Id, pidfd);
            }
        }
        _keepers.Start();
    }

    /// <summary>A launcher that has asked a keeper to end, and then kills it, means the node.</summary>
    private void OnKeeperEnd(ulong process, long when, int pidfd)
    {
        if (Registry.Find(process) is not { Entry.State: ProcessState.Live or ProcessState.Recovering } member
            || member.Entry.Record.Keeper is not { } keeper)
        {
            return;
        }
        var end = EndOf.Look((int)keeper.Pid, pidfd) with { SinceAsked = member.SinceAsked };
        if (end.WasAsked)
        {
            Log.EndedOnRequest($"the stand-in of {member}", keeper.Pid, end.ToString());
            _ = EndUnasked(member);
        }
    }

    private async Task EndUnasked(Member member)
    {
        try
        {
            await End(member, [Posix.SigKill], Stopping).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RequestException or OperationCanceledException)
        {
            Log.Complaint(e.Message);
        }
    }
}
