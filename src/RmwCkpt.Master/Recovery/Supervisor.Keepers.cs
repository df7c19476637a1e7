using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Server;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Recovery;

/// <summary>What launchers do, and the processes that stand in towards them for those that were brought back.</summary>
internal sealed partial class Supervisor
{
    private static readonly int[] s_killOnly = [Posix.SigKill];
    private readonly DeathWatch _keepers;
    private readonly Launchers _launchers;

    private void OnKept(Member member, int pidfd)
    {
        Log.Kept(member.ToString(), member.Entry.Record.Keeper.Pid);
        _keepers.Add(member.Id, pidfd);
        WatchLaunchers();
    }

    private void OnSuperseded(Member member, string changed)
    {
        Log.Superseded(member.ToString(), changed);
        _ = EndUnasked(member, s_endSignals);
    }

    private void WatchLaunchers() =>
        _launchers.Watch(Registry.Members.Where(m => m.Entry.IsVisible).Select(m => m.Launcher).OfType<Ancestor>());

    /// <summary>Watches the keepers and launchers of the master before.</summary>
    private void AdoptLaunchers()
    {
        WatchLaunchers();
        _launchers.Start();
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
        if (Registry.Find(process) is not { Entry.IsVisible: true, Entry.Record.Keeper: { } keeper } member)
        {
            return;
        }
        var end = Look(member, keeper.Pid, pidfd, when);
        if (end.WasAsked || (end.WasLauncherKilled && end.Signal == Posix.SigKill))
        {
            Log.EndedOnRequest($"the stand-in of {member}", keeper.Pid, end.ToString());
            _ = EndUnasked(member, s_killOnly);
        }
    }

    /// <summary>How a process or its keeper ended, with all that tells whether that was wanted.</summary>
    private EndOf Look(Member member, uint pid, int pidfd, long when) => EndOf.Look((int)pid, pidfd) with
    {
        WasTold = member.Entry.Record.ToldToEnd,
        SinceAsked = member.SinceAsked,
        WasLauncherKilled = member.Launcher is { } launcher && _launchers.WasKilledBefore(launcher, when),
    };

    /// <summary>Whoever looks after a node that is live again, it is not the one that has started it.</summary>
    private void TellOfLauncher(Member member)
    {
        if (member.Launcher is { Pid: > 1 } launcher && Registry.IsAlive(launcher) && !Registry.HasKeeper(member))
        {
            Log.LauncherSawItDie(member.ToString(), launcher.Pid);
        }
    }

    private void OnLauncherEnd(Ancestor launcher, long when, bool killed)
    {
        if (killed)
        {
            EndKilledWith(launcher, when);
        }
        EndRevivedOf(launcher);
    }

    /// <summary>
    /// A launcher that has ended after its children were asked to end meant those, too, that were brought back: they are no
    /// children of it any more, and out of reach of the terminal's Ctrl-C.
    /// </summary>
    private void EndRevivedOf(Ancestor launcher)
    {
        if (!_launchers.HasEndedAll(launcher))
        {
            return;
        }
        foreach (var member in Registry.Members.Where(m => m.Entry.IsVisible && m.Entry.Record is { Incarnation: > 1, ToldToEnd: false }
            && launcher.Equals(m.Launcher) && !Registry.HasKeeper(m) && (m.Recovering || Registry.IsAlive(m))))
        {
            Log.EndsWithLauncher(member.ToString(), launcher.Pid);
            _ = EndUnasked(member, s_endSignals);
        }
    }

    /// <summary>Its children that were killed just before were killed with it.</summary>
    private void EndKilledWith(Ancestor launcher, long when)
    {
        foreach (var member in Registry.Members.Where(m => m.Entry.IsVisible && launcher.Equals(m.Launcher)))
        {
            if (member.HowItEnded.Signal == Posix.SigKill && when - member.DiedAt < Launchers.Together.Ticks * 100)
            {
                Log.KilledWithLauncher(member.ToString(), launcher.Pid);
                _ = EndUnasked(member, s_killOnly);
            }
        }
    }

    private async Task EndUnasked(Member member, int[] signals)
    {
        try
        {
            await End(member, signals, Stopping).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RequestException or OperationCanceledException)
        {
            Log.Complaint(e.Message);
        }
    }
}
