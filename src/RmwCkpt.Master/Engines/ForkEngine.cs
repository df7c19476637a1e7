using System.Runtime.InteropServices;
using RmwCkpt.Domain;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Streams;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines;

/// <summary>
/// Snapshots that a process takes of itself: a thread of it stops the others and forks, and the child, which sleeps, is the
/// snapshot (rmw_ckpt/snapshot). Asked for a revival the child forks once more, and who is born so claims the incarnation that is
/// to come. No rights are needed; new process ids are had. What cannot be carried the process refuses by name.
/// </summary>
public sealed class ForkEngine : ISnapshotEngine
{
    /// <summary>A thread that does not stop is given up after a tenth of that.</summary>
    private const long DumpPatience = 2 * Clock.Second;
    private const long RestorePatience = 10 * Clock.Second;
    private const long Look = 50 * Clock.Millisecond;
    private static readonly ProcessProbe s_probe = new();
    private volatile bool _stopping;

    public string Name => "fork";

    public bool KeepsIds => false;

    public EngineCheck Check() => RuntimeInformation.ProcessArchitecture == Architecture.X64
        ? new(true, "a node's snapshot is a child of it that sleeps")
        : new(false, "engine fork is there for x86-64 only");

    public SnapshotResult Dump(DumpOrder order)
    {
        if (order.Page is not { } path || !path.Exists)
        {
            return SnapshotResult.Failed(Check().Usable
                ? "it was not started with RMW_CKPT_ENGINE=fork, or is no node of rclcpp or rclpy: a file of policies comes too late for it"
                : Check().Why);
        }
        using var file = Mapping.Open(path);
        var page = file.View;
        var ask = (int)page.Increment(SnapshotPage.Ask);
        Futex.WakeAll(page, SnapshotPage.Ask);
        if (!Await(page, SnapshotPage.Answered, ask, DumpPatience, () => ProcessProbe.HasEnded(order.Pid)))
        {
            // It is not to be taken later, unforeseen: one that was stopped takes none when it goes on.
            page.Release(SnapshotPage.Cancelled, ask);
            if (page.AcquireInt32(SnapshotPage.Answered) != ask)
            {
                return SnapshotResult.Failed(
                    ProcessProbe.HasEnded(order.Pid) ? "it ended meanwhile" : "it does not answer: is it stopped?", retry: false);
            }
        }
        var outcome = (SnapshotOutcomes)page.ReadInt32(SnapshotPage.Outcome);
        return outcome == SnapshotOutcomes.Taken
            ? new SnapshotResult(true, false, false, "", page.ReadInt64(SnapshotPage.Frozen))
            : SnapshotResult.Failed(
                SnapshotPage.Text(page, SnapshotPage.Refusal), retry: outcome == SnapshotOutcomes.RefusedForNow);
    }

    public RestoreResult Restore(RestoreOrder order)
    {
        if (order.Page is not { } path || !path.Exists)
        {
            return RestoreResult.Failed("its page of orders is gone", again: false);
        }
        using var file = Mapping.Open(path);
        var page = file.View;
        if (order.Claimant() is > 0 and var already)
        {
            return new RestoreResult(already, "");
        }
        if (ChildOf(page) == 0)
        {
            return RestoreResult.Failed("the child that was the snapshot has ended", again: false);
        }
        try
        {
            LeadOutputs(order, page);
        }
        catch (IOException e)
        {
            return RestoreResult.Failed(e.Message);
        }
        page.Write(SnapshotPage.Why, (byte)0);
        var number = (int)page.Increment(SnapshotPage.Order);
        Futex.WakeAll(page, SnapshotPage.Order);
        var end = Clock.Steady + RestorePatience;
        while (!_stopping && Clock.Steady < end)
        {
            if (order.Claimant() is > 0 and var pid)
            {
                return new RestoreResult(pid, "");
            }
            if (page.AcquireInt32(SnapshotPage.Obeyed) != number)
            {
                if (ChildOf(page) == 0)
                {
                    return RestoreResult.Failed("the child that was the snapshot has ended", again: false);
                }
            }
            else if (page.ReadInt32(SnapshotPage.Revived) is var revived && (revived <= 0 || ProcessProbe.HasEnded(revived)))
            {
                return order.Claimant() is > 0 and var late ? new RestoreResult(late, "") : RestoreResult.Failed(Why(page, revived));
            }
            Thread.Sleep(1);
        }
        return _stopping
            ? throw new OperationCanceledException("the master stops")
            : RestoreResult.Failed($"the child that is the snapshot did not become the process in {RestorePatience / Clock.Second} s", again: false);
    }

    public void Stop() => _stopping = true;

    /// <summary>The child that sleeps; 0: there is none, or it has ended.</summary>
    public static int ChildOf(Region page) =>
        page.AcquireUInt64(SnapshotPage.Child) is not 0 and var child && s_probe.StartTime((int)(uint)child) is { } start
            && ProcessProbe.IsSameStart((uint)start, child >> 32)
            ? (int)(uint)child : 0;

    /// <summary>As <see cref="ChildOf(Region)"/>, of the process that has this page.</summary>
    public static int ChildOf(TrustedPath path) => Do(path, ChildOf);

    /// <summary>What sleeps for a process that is not to come back ends.</summary>
    public static void End(TrustedPath path) => Do(path, page =>
    {
        SnapshotPage.End(page);
        return 0;
    });

    private static int Do(TrustedPath path, Func<Region, int> act)
    {
        try
        {
            using var file = Mapping.Open(path);
            return act(file.View);
        }
        catch (IOException)
        {
            // It has none, or its folder is just removed.
            return 0;
        }
    }

    private static string Why(Region page, int revived) =>
        SnapshotPage.Text(page, SnapshotPage.Why) is { Length: > 0 } why ? why
        : revived < 0 ? $"the kernel refused a fork (error {-revived})"
        : "what was revived ended at once";

    /// <summary>Outputs that were pipes or sockets go into files: see <see cref="StandardOutputs"/>.</summary>
    private static void LeadOutputs(RestoreOrder order, Region page)
    {
        foreach (var number in StandardOutputs.Numbers)
        {
            var mayBreak = StandardOutputs.MayBreak(HeldStdio.KindOf(StandardOutputs.Target(order.Process, number)))
                || StandardOutputs.MayBreak(HeldStdio.KindOf(order.Stdio.Target(number)));
            if (mayBreak)
            {
                Posix.Close(StandardOutputs.Open(order.OutputFile(number)));
            }
            SnapshotPage.Lead(page, number, mayBreak ? order.OutputFile(number).Name : "");
        }
    }

    private bool Await(Region page, int offset, int value, long patience, Func<bool> isOver)
    {
        for (var end = Clock.Steady + patience; page.AcquireInt32(offset) is var now && now != value;)
        {
            if (_stopping || Clock.Steady > end || isOver())
            {
                return page.AcquireInt32(offset) == value;
            }
            Futex.Wait(page, offset, (uint)now, Look);
        }
        return true;
    }
}
