using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Recovery;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Master.Sweeping;

namespace RmwCkpt.Master.Server;

/// <summary>What is done for each request.</summary>
internal sealed class Requests(
    ProcessRegistry registry, Supervisor supervisor, SnapshotScheduler scheduler, SnapshotStore store, StatusReport status,
    MemoryWatch memory, Action<string> stop)
{
    private readonly NodeOrders _orders = new(registry, supervisor);

    /// <summary>How long an order for snapshots waits for those that are not live yet, ns.</summary>
    private const long LivePatience = 5 * Clock.Second;

    private static readonly TimeSpan s_resumePatience = TimeSpan.FromSeconds(3);
    private readonly StatusReport _status = status;

    public async Task<Reply> Handle(Peer peer, Request request, Func<string, Task> progress, CancellationToken cancel)
    {
        switch (request.WhatCase)
        {
            case Request.WhatOneofCase.Hello:
                return new Reply { Welcome = await Hello(peer, request.Hello, cancel).ConfigureAwait(false) };
            case Request.WhatOneofCase.Register:
                registry.Register(peer.Pid, request.Register);
                return new Reply();
            case Request.WhatOneofCase.Unregister:
                registry.Unregister(peer.Pid, request.Unregister);
                return new Reply();
            case Request.WhatOneofCase.Leave:
                registry.Leave(peer.Pid, request.Leave);
                return new Reply();
            case Request.WhatOneofCase.Status:
                return new Reply { Status = _status.Make() };
            case Request.WhatOneofCase.Checkpoint:
                return await Checkpoint(request.Checkpoint, progress, cancel).ConfigureAwait(false);
            case Request.WhatOneofCase.Checkpoints:
                return Checkpoints(request.Checkpoints);
            case Request.WhatOneofCase.Recover:
                return await _orders.Recover(request.Recover, progress, cancel).ConfigureAwait(false);
            case Request.WhatOneofCase.End:
                return await _orders.End(request.End, progress, cancel).ConfigureAwait(false);
            case Request.WhatOneofCase.Forget:
                return await _orders.Forget(request.Forget, progress).ConfigureAwait(false);
            case Request.WhatOneofCase.Kill:
                return Reply(await supervisor.Kill(request.Kill.Number, progress, cancel).ConfigureAwait(false));
            case Request.WhatOneofCase.Restart:
                return Reply(await supervisor.Restart(request.Restart.Number, progress, cancel).ConfigureAwait(false));
            case Request.WhatOneofCase.Kept:
                return new Reply { Kept = registry.Describe(request.Kept) };
            case Request.WhatOneofCase.Stop:
                stop($"process {peer.Pid} told it to");
                return new Reply();
            default:
                throw new RequestException("a request that this master does not know: it is older than the client, stop it");
        }
    }

    private static Reply Reply(IReadOnlyList<Outcome> outcomes)
    {
        var reply = new Reply();
        reply.Outcomes.AddRange(outcomes);
        return reply;
    }

    private async Task<Welcome> Hello(Peer peer, Hello hello, CancellationToken cancel)
    {
        if (peer.Pid == 0)
        {
            throw new RequestException("the process is in a pid namespace that the master cannot see: run both in the same container");
        }
        // By the clock: on a busy machine 5 ms are more, and clients wait for so long only.
        for (var begun = Clock.Steady; ;)
        {
            var waited = TimeSpan.FromTicks((Clock.Steady - begun) / 100);
            // Who says hello again has been admitted, be it by a master with another budget.
            if (hello.Resume == 0 && hello.Process == 0)
            {
                memory.Admit(hello.HasMemory ? hello.Memory : null);
            }
            try
            {
                // Those who were here before say first what is theirs.
                var mayJoin = hello.Process != 0 || hello.Resume != 0 || waited >= s_resumePatience || !registry.IsExpecting;
                if (mayJoin && registry.Hello(peer.Pid, hello, patient: waited < s_resumePatience) is { } welcome)
                {
                    return welcome;
                }
            }
            catch (RequestException) when ((hello.Process != 0 || hello.Resume != 0 || hello.PrimaryProcess != 0) && waited < s_resumePatience)
            {
                // A process that was just started again may be faster than the master that notes its number.
            }
            await Task.Delay(5, cancel).ConfigureAwait(false);
        }
    }

    private async Task<Reply> Checkpoint(CheckpointOrder order, Func<string, Task> progress, CancellationToken cancel)
    {
        var members = order.Nodes.Count > 0
            ? order.Nodes.Select(_orders.One).Distinct().ToList()
            : [.. registry.Members.Where(m => m.Entry.IsVisible && (m.Entry.Entities.Count > 0 || m.SecondaryCells > 0))];
        if (members.Count > 0 && members.TrueForAll(m => !supervisor.Choice.HasImages(m.Policy)))
        {
            throw new RequestException($"no snapshots are taken here: {supervisor.Choice.Of([.. members.Select(m => m.Policy)]).Why}");
        }
        var reply = new Reply();
        var failures = new List<string>();
        var asked = Clock.Steady;
        foreach (var member in members)
        {
            var name = registry.Look(member.ToString);
            await UntilLive(member, asked, progress, cancel).ConfigureAwait(false);
            var outcome = await scheduler.Order(member).WaitAsync(cancel).ConfigureAwait(false);
            if (outcome.Manifest is { } manifest)
            {
                await progress($"{name}: snapshot {manifest.Number}, frozen {manifest.Frozen / 1e6:F1} ms, "
                    + $"{manifest.Bytes / 1048576.0:F1} MiB").ConfigureAwait(false);
                reply.Checkpoints.Add(_status.Describe(member, store.List(member.Id).First(x => x.Number == manifest.Number)));
            }
            else
            {
                failures.Add($"{name}: {outcome.Why}");
                await progress($"{name}: no snapshot: {outcome.Why}").ConfigureAwait(false);
            }
        }
        reply.Error = string.Join("; ", failures);
        return reply;
    }

    /// <summary>A process that comes back is waited for, until the order is too old.</summary>
    private async Task UntilLive(Member member, long asked, Func<string, Task> progress, CancellationToken cancel)
    {
        for (var said = false; IsComingBack(member) && Clock.Steady - asked < LivePatience; said = true)
        {
            if (!said)
            {
                await progress($"{registry.Look(member.ToString)}: it replays; waiting until it is live").ConfigureAwait(false);
            }
            await Task.Delay(5, cancel).ConfigureAwait(false);
        }
    }

    private bool IsComingBack(Member member) => member.Entry.State == ProcessState.Recovering
        || (member.Entry.State == ProcessState.Live && (member.Recovering || member.Mode != ProcessMode.Live
            || (!registry.IsForeign(member) && !registry.IsAlive(member))));

    private Reply Checkpoints(CheckpointsQuery query)
    {
        var reply = new Reply();
        var members = query.Node.Length > 0 ? [_orders.One(query.Node)] : registry.Members;
        foreach (var member in members)
        {
            reply.Checkpoints.AddRange(store.List(member.Id, contents: true).Select(x => _status.Describe(member, x)));
        }
        return reply;
    }
}
