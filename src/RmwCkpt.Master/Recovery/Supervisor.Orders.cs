using RmwCkpt.Domain;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Server;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Recovery;

/// <summary>What a user orders for one process.</summary>
internal sealed partial class Supervisor
{
    /// <summary>How long a process that is to end has for each signal before the next: SIGINT, SIGTERM, SIGKILL.</summary>
    public static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(5);

    private static readonly int[] s_endSignals = [Posix.SigInt, Posix.SigTerm, Posix.SigKill];

    /// <summary>Kills a process if it lives, forgives it its deaths, and recovers it now.</summary>
    /// <exception cref="RequestException">It is being recovered already, or has left.</exception>
    public async Task RecoverNow(Member member, CancellationToken cancel)
    {
        if (member.Recovering)
        {
            throw new RequestException($"{member} is being recovered");
        }
        if (member.Entry.State == ProcessState.Exited)
        {
            throw new RequestException($"{member} has ended by itself: there is nothing to recover");
        }
        if (member.WhyNotBroughtBack is { } why)
        {
            throw new RequestException($"{member} cannot be brought back, and is left alone: {why}");
        }
        if (member.Entry.Record.ToldToEnd)
        {
            throw new RequestException($"{member} was told to end (rmw_ckpt stop), and has not yet");
        }
        var done = new TaskCompletionSource<Recovery>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (member.Entry.State == ProcessState.Failed)
        {
            NotePause(member);
            Registry.Update(member, r => (r.Deaths, r.DeathPosition, r.FailedAgain, r.Killed) = (0, -1, 0, 0));
            Begin(member, Clock.Steady, forced: true, done);
        }
        else
        {
            _forced[member.Id] = done;
            Registry.Signal(member, Posix.SigKill);
        }
        while (await Task.WhenAny(done.Task, Task.Delay(s_look, cancel)).ConfigureAwait(false) != done.Task)
        {
            cancel.ThrowIfCancellationRequested();
            // Nobody was watching, for it had ended already: nobody else will tell of its end.
            if (!member.Recovering && !Watch.IsWatched(member.Id) && _forced.TryRemove(member.Id, out _))
            {
                Begin(member, Clock.Steady, forced: true, done);
            }
        }
        var recovery = await done.Task.ConfigureAwait(false);
        if (recovery.Phase is not (RecoveryPhase.Live or RecoveryPhase.Fresh))
        {
            throw new RequestException($"{member} was not recovered: {recovery.Why}");
        }
    }

    /// <summary>Ends a process for good: whether it lives, comes back, or stays down, it has left afterwards.</summary>
    /// <exception cref="RequestException">It is not this master's to end, or cannot be killed.</exception>
    public Task End(Member member, CancellationToken cancel) => End(member, s_endSignals, cancel);

    private async Task End(Member member, int[] signals, CancellationToken cancel)
    {
        if (PrimaryAddress.Of(member) is { } primary && primary.Look().Decides)
        {
            throw new RequestException($"{member} has domain {primary.Domain} as its primary one: rmw_ckpt stop --domain {primary.Domain} ends it");
        }
        if (member.Entry.State == ProcessState.Exited)
        {
            return;
        }
        // On record first: from here on no end of it is a death, and no recovery goes on.
        Registry.Update(member, r => r.ToldToEnd = true);
        foreach (var signal in signals)
        {
            var begun = Clock.Steady;
            for (var told = 0ul; Clock.Steady - begun < EndPatience.Ticks * 100; await Task.Delay(5, cancel).ConfigureAwait(false))
            {
                if (member.Entry.State == ProcessState.Failed)
                {
                    await Forget(member).ConfigureAwait(false);
                }
                if (member.Entry.State == ProcessState.Exited && !Registry.IsAlive(member))
                {
                    return;
                }
                // Each incarnation that there is meanwhile, as one that was just being restored.
                if (told != member.Entry.Record.StartTime && Registry.IsAlive(member))
                {
                    told = member.Entry.Record.StartTime;
                    Registry.Signal(member, signal);
                }
            }
        }
        throw new RequestException($"{member} (pid {member.Entry.Record.Pid}) does not end, though SIGKILL was sent: "
            + "it waits in the kernel (cat /proc/PID/stack), or nobody may kill it");
    }

    /// <summary>Drops what is kept of a process that stays down.</summary>
    /// <exception cref="RequestException">It does not stay down.</exception>
    public Task Forget(Member member)
    {
        if (member.Entry.State != ProcessState.Failed)
        {
            throw new RequestException($"{member} does not stay down: rmw_ckpt stop ends it");
        }
        Registry.MarkExited(member);
        Ended?.Invoke(member);
        return Task.CompletedTask;
    }
}
