using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Recovery;
using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Server;

/// <summary>Orders for nodes by their names. What fails for one of several is said, and done for the others.</summary>
internal sealed class NodeOrders(ProcessRegistry registry, Supervisor supervisor)
{
    public Task<Reply> Recover(NodesOrder order, Func<string, Task> progress, CancellationToken cancel) =>
        ForEach(
            order.All ? Down() : Named(order, ProcessState.Live), m => supervisor.RecoverNow(m, cancel), "is live", progress);

    public Task<Reply> End(NodesOrder order, Func<string, Task> progress, CancellationToken cancel) =>
        ForEach(
            order.All ? [.. registry.Members.Where(m => m.Entry.State != ProcessState.Exited && !m.Entry.IsHidden)]
                : Named(order, ProcessState.Live),
            m => supervisor.End(m, cancel), "has ended", progress);

    public Task<Reply> Forget(NodesOrder order, Func<string, Task> progress) =>
        ForEach(order.All ? Down() : Named(order, ProcessState.Failed), supervisor.Forget, "is forgotten", progress);

    /// <summary>The process with a node of this name: fully qualified, or without the leading slash.</summary>
    public Member One(string node) => One(node, ProcessState.Live);

    /// <param name="preferred">Of two of a name, the one in this state.</param>
    private Member One(string node, ProcessState preferred)
    {
        var name = node.StartsWith('/') ? node : "/" + node;
        var members = registry.Members;
        var named = members.SelectMany(m => registry.Look(() => m.Entry.NodeNames.ToList()).Select(n => (Name: n, Member: m))).ToList();
        var found = named.Where(x => x.Name == name).Select(x => x.Member).Distinct().ToList();
        return found.Count switch
        {
            1 => found[0],
            0 => throw new RequestException($"there is no node {name}{NearestNames.Hint(name, named.Select(x => x.Name))}"),
            _ => found.FirstOrDefault(m => m.Entry.State == preferred) ?? found[^1],
        };
    }

    private List<Member> Named(NodesOrder order, ProcessState preferred) =>
        [.. order.Nodes.Select(x => One(x, preferred)).Distinct()];

    private List<Member> Down() => [.. registry.Members.Where(m => m.Entry.State == ProcessState.Failed)];

    /// <summary>All at once, for each may take seconds.</summary>
    private async Task<Reply> ForEach(List<Member> members, Func<Member, Task> act, string done, Func<string, Task> progress)
    {
        var reply = new Reply();
        var failures = new List<string>();
        var acts = members.ConvertAll(m => (Name: registry.Look(m.ToString), Task: act(m)));
        foreach (var (name, task) in acts)
        {
            try
            {
                await task.ConfigureAwait(false);
                reply.Done.Add(name);
                await progress($"{name} {done}").ConfigureAwait(false);
            }
            catch (RequestException e)
            {
                failures.Add(e.Message);
            }
        }
        reply.Error = string.Join("; ", failures);
        return reply;
    }
}
