using RmwCkpt.Domain;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Entities;

/// <summary>Anything with a ckpt_id. Thread-safety: as each says; creation and destruction are <see cref="EntityMaker"/>'s.</summary>
public abstract class Entity(Session session, uint id, EntityKind kind)
{
    public Session Session { get; } = session;

    public uint Id { get; } = id;

    public EntityKind Kind { get; } = kind;

    /// <summary>
    /// Whether a wait would report it. <paramref name="by"/>: only what had arrived by this ROS time counts
    /// (<see cref="long.MaxValue"/>: all).
    /// </summary>
    public virtual bool IsReady(long by) => false;

    /// <summary>A wait is about to report it: takes what waits consume. False: another wait has it.</summary>
    public virtual bool TryClaim() => true;

    /// <summary>It is not reported after all: gives back what TryClaim took.</summary>
    public virtual void Unclaim()
    {
    }

    /// <summary>A wait has reported it, after a sleep or at once.</summary>
    public virtual void Reported(bool slept)
    {
    }

    /// <summary>ROS time at which the next message not yet arrived arrives, or <see cref="long.MaxValue"/>.</summary>
    public virtual long NextArrival => long.MaxValue;

    /// <summary>Called once, after no wait or call can find it any more.</summary>
    public virtual void Close()
    {
    }
}

/// <summary>A guard condition: a flag that a trigger sets and one wait takes. Its state is in <see cref="GuardFlags"/>.</summary>
public sealed class Guard : Entity
{
    private readonly int[] _chunk;
    private readonly int _index;

    public Guard(Session session, uint id)
        : base(session, id, EntityKind.Guard) => (_chunk, _index) = session.GuardFlags.Make(id);

    /// <summary>The middleware triggers it, when the graph changes.</summary>
    public bool IsOfGraph { get; init; }

    public void Trigger()
    {
        Interlocked.CompareExchange(ref _chunk[_index], GuardFlags.Triggered, GuardFlags.Idle);
        Session.ReplayJournal.NoteTrigger();
        Session.RingSelf();
    }

    public bool IsTriggered => Volatile.Read(ref _chunk[_index]) == GuardFlags.Triggered;

    public override bool IsReady(long by) => IsTriggered;

    public override bool TryClaim() =>
        Interlocked.CompareExchange(ref _chunk[_index], GuardFlags.Idle, GuardFlags.Triggered) == GuardFlags.Triggered;

    public override void Unclaim() => Trigger();

    public override void Close() => Volatile.Write(ref _chunk[_index], GuardFlags.None);
}

/// <summary>A node: a name, and the guard condition for the graph's changes.</summary>
public sealed class Node(Session session, uint id, string name, string nameSpace, string enclave, Guard graphGuard)
    : Entity(session, id, EntityKind.Node)
{
    public string Name { get; } = name;

    public string NameSpace { get; } = nameSpace;

    public string Enclave { get; } = enclave;

    public Guard GraphGuard { get; } = graphGuard;

    public string FullName => NameSpace.EndsWith('/') ? NameSpace + Name : $"{NameSpace}/{Name}";
}
