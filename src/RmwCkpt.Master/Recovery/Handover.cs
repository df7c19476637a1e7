using RmwCkpt.Domain;
using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Recovery;

/// <summary>
/// What a master does whose run folder was removed, before it ends: each of its processes is looked after until the next master
/// knows it, for until then nobody else would see it die.
/// </summary>
internal sealed class Handover(Supervisor supervisor)
{
    /// <summary>How long it waits for those that do not move, for they are stopped, or nobody can start the next master.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(10);

    /// <summary>Returns once there is nobody left, or the limit is reached, or it is to end at once.</summary>
    public void Run(TimeSpan limit, CancellationToken cancel)
    {
        var begun = Clock.Steady;
        var left = Remaining(supervisor.Registry.Members);
        while (left.Count > 0 && Clock.Steady - begun < limit.Ticks * 100 && !cancel.WaitHandle.WaitOne(s_look))
        {
            left = Remaining(left);
        }
        foreach (var member in left)
        {
            supervisor.Log.NotHandedOn(member.ToString(), member.Entry.Record.Pid);
        }
    }

    private List<Member> Remaining(IReadOnlyList<Member> members)
    {
        supervisor.Later.Look();
        return [.. members.Where(m => !IsOver(m))];
    }

    private bool IsOver(Member member)
    {
        if (supervisor.Registry.Look(() => member.Entry.State) is ProcessState.Exited or ProcessState.Failed
            || supervisor.Registry.IsForeign(member))
        {
            return true;
        }
        if (!supervisor.IsOfAnotherMaster(member))
        {
            return false;
        }
        // Whoever reads its pipes is to see their end when it ends.
        supervisor.Watch.Remove(member.Id);
        member.Stdio.Dispose();
        return true;
    }
}
