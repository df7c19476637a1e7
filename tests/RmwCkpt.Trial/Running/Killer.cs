using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Trial.Running;

/// <summary>Kills one at a time and waits until it is back.</summary>
public sealed class Killer(TrialOptions options, Nodes nodes, DomainWatch domain, TrialState state)
{
    private const int SigContinue = 18;
    private const int SigStop = 19;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <summary>A point may need a full segment of messages before it is reached.</summary>
    private static readonly TimeSpan s_pointPatience = TimeSpan.FromSeconds(90);

    private int _atPoints;

    public Death Kill(Victim victim) =>
        victim == Victim.Master ? KillMaster()
        : options.Stop is { } time ? Stop(state.Node(victim), time)
        : options.Points.Count > 0 ? KillAt(state.Node(victim), options.Points[_atPoints++ % options.Points.Count])
        : KillNode(state.Node(victim), "SIGKILL");

    private Death KillNode(NodeProcess node, string how)
    {
        var before = Snapshot.Of(node);
        var death = Begin(node.Role, node.Pid, how);
        Posix.Kill(death.Pid, Posix.SigKill);
        return AwaitLive(node, death, before, token: null);
    }

    private Death KillAt(NodeProcess node, string point)
    {
        var token = Path.Combine(nodes.KillFolder, point);
        var before = Snapshot.Of(node);
        var pid = node.Pid;
        File.WriteAllText(token, "");
        if (TrialOptions.IsReplayPoint(point))
        {
            var first = Begin(node.Role, pid, point);
            Posix.Kill(pid, Posix.SigKill);
            return AwaitLive(node, first, before, token);
        }
        var pidfd = Posix.OpenPidfd(pid);
        state.Say($"{Name(node.Role)} (pid {pid}) is to die at {point}");
        var alive = 0L;
        var died = domain.WaitFor(() => HasEnded(pidfd, ref alive), s_pointPatience);
        var death = Begin(node.Role, pid, point, at: alive);
        Posix.Close(pidfd);
        if (File.Exists(token))
        {
            File.Delete(token);
            return death with
            {
                Trouble = died ? $"{Name(node.Role)} died, but not at {point}" : $"{Name(node.Role)} did not reach {point} in {s_pointPatience.TotalSeconds:F0} s",
            };
        }
        return AwaitLive(node, death, before, token: null);
    }

    private Death AwaitLive(NodeProcess node, Death death, Snapshot before, string? token)
    {
        var times = 1;
        var back = domain.WaitFor(
            () =>
            {
                if (times == 1 && token is not null && !File.Exists(token))
                {
                    times = 2; // it died again, and was not live in between
                }
                return node.State == ProcessState.Failed
                    || (node.State == ProcessState.Live && node.Mode == ProcessMode.Live && node.LiveAt != before.LiveAt
                        && node.Incarnation > before.Incarnation);
            },
            s_patience, whose: () => node.Pid);
        death = death with { Times = times, NewPid = node.Pid, Counts = node.Counts.Since(before.Counts) };
        if (back && node.State == ProcessState.Live)
        {
            death = death with { LiveAt = node.LiveAt };
            if (token is not null && times == 1)
            {
                File.Delete(token);
                death = death with { Trouble = $"{Name(node.Role)} came back without reaching {death.How}" };
            }
            return death;
        }
        return death with
        {
            Trouble = $"{Name(node.Role)} (pid {death.Pid}, {death.How}) "
                + (back ? "is to stay down" : $"is not live {(Posix.Now(Posix.MonotonicClock) - death.At) / 1e9:F0} s after its death (state {node.State}, mode {node.Mode}, pid {node.Pid})"),
        };
    }

    private Death KillMaster()
    {
        var old = domain.AskMaster()?.MasterPid ?? 0;
        var death = Begin(Victim.Master, (int)old, "SIGKILL");
        if (old == 0)
        {
            return death with { Trouble = "there is no master to kill" };
        }
        Posix.Kill((int)old, Posix.SigKill);
        var pid = 0u;
        var back = domain.WaitFor(() => (pid = domain.AskMaster()?.MasterPid ?? 0) != 0 && pid != old, s_patience, period: 5);
        return back
            ? death with { LiveAt = Posix.Now(Posix.MonotonicClock), NewPid = (int)pid }
            : death with { Trouble = $"there is no master {s_patience.TotalSeconds:F0} s after the death of the last one (pid {old})" };
    }

    /// <summary>A stopped process is not a dead one: it must be the same afterwards.</summary>
    private Death Stop(NodeProcess node, TimeSpan time)
    {
        var before = Snapshot.Of(node);
        var death = Begin(node.Role, node.Pid, "SIGSTOP");
        Posix.Kill(death.Pid, SigStop);
        var revived = domain.WaitFor(() => node.Incarnation != before.Incarnation || node.State != ProcessState.Live, time);
        Posix.Kill(death.Pid, SigContinue);
        death = death with { LiveAt = Posix.Now(Posix.MonotonicClock), NewPid = node.Pid, Times = 0 };
        return revived ? death with { Trouble = $"{Name(node.Role)} was only stopped, and taken for dead (state {node.State})" } : death;
    }

    private Death Begin(Victim victim, int pid, string how, long at = 0)
    {
        var death = new Death { Victim = victim, Pid = pid, How = how, At = at != 0 ? at : Posix.Now(Posix.MonotonicClock) };
        state.Begin(death);
        return death;
    }

    /// <summary>If not, notes when it was seen to live. This program may look late, when it lives again.</summary>
    private static bool HasEnded(int pidfd, ref long alive)
    {
        Span<bool> ready = [false];
        var now = Posix.Now(Posix.MonotonicClock);
        if (pidfd < 0 || Posix.Poll([pidfd], ready, 0))
        {
            return true;
        }
        alive = now;
        return false;
    }

    private static string Name(Victim victim) => victim.ToString().ToLowerInvariant();

    private readonly record struct Snapshot(uint Incarnation, long LiveAt, ReplayCounts Counts)
    {
        public static Snapshot Of(NodeProcess node) => new(node.Incarnation, node.LiveAt, node.Counts);
    }
}
