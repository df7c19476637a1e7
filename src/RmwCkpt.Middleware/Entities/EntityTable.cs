using System.Collections.Concurrent;
using RmwCkpt.Middleware.Replay;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Entities;

/// <summary>
/// A session's entities by their ids, which they get in the order of creation, so that a process that is started again and
/// replays gives the same. Thread-safe; what finds allocates nothing.
/// </summary>
public sealed class EntityTable
{
    private readonly object _lock = new();
    private readonly ConcurrentDictionary<uint, Node> _nodes = new();

    /// <summary>
    /// Of guard conditions and events that were destroyed, to be given again, the smallest first: executors make some for
    /// each short spin. The ids of others are in gids and logs, and are never given again.
    /// </summary>
    private readonly PriorityQueue<uint, uint> _freeIds = new();
    private Entity?[] _all = new Entity?[64];
    private uint _lastId;

    /// <summary>The entities by their ids, for a look at many; who is made later may not be in it.</summary>
    public Entity?[] All => Volatile.Read(ref _all);

    /// <summary>The nodes that are there.</summary>
    public IEnumerable<Node> Nodes => _nodes.Select(x => x.Value);

    /// <summary>Whether there ever was an event.</summary>
    public bool HasEvents { get; private set; }

    /// <summary>Whether there ever was an event that time causes: else waits need not look for when they are due.</summary>
    public bool HasTimedEvents { get; private set; }

    /// <summary>The entity of an id, or null.</summary>
    public Entity? Find(uint id) => Find(All, id);

    /// <summary>The entity of an id in <see cref="All"/>, or null.</summary>
    public static Entity? Find(Entity?[] entities, uint id)
    {
        id &= Session.EntityMask;
        return id < entities.Length ? Volatile.Read(ref entities[id]) : null;
    }

    /// <param name="make">Makes the entity of an id.</param>
    /// <param name="reuse">Whether an id that was <see cref="Free"/>d will do.</param>
    public T Add<T>(Func<uint, T> make, bool reuse)
        where T : Entity
    {
        lock (_lock)
        {
            var id = reuse && _freeIds.TryDequeue(out var free, out _) ? free : _lastId + 1;
            if (id >= Timers.First)
            {
                throw new Failure(Code.Error, $"this process has made {id} entities; start it again");
            }
            var entity = make(id);
            HasEvents |= entity is StatusEvent;
            HasTimedEvents |= entity is TimedEvent;
            _lastId = Math.Max(_lastId, id);
            if (id >= _all.Length)
            {
                Array.Resize(ref _all, _all.Length * 2);
            }
            Volatile.Write(ref _all[id], entity);
            return entity;
        }
    }

    /// <summary>A node that is to hear of the graph's changes.</summary>
    public void Follow(Node node) => _nodes[node.Id] = node;

    public void Unfollow(Node node) => _nodes.TryRemove(node.Id, out _);

    /// <summary>From here on no call finds it.</summary>
    /// <exception cref="Failure">Invalid: somebody else has removed it.</exception>
    public void Remove(Entity entity)
    {
        lock (_lock)
        {
            if (Find(entity.Id) != entity)
            {
                throw new Failure(Code.Invalid, $"{entity.Id} is destroyed already");
            }
            Volatile.Write(ref _all[entity.Id], null);
        }
    }

    /// <summary>An entity that was never told of is not there after all.</summary>
    public void Drop(uint id)
    {
        lock (_lock)
        {
            _all[id] = null;
        }
    }

    /// <summary>The id of what was removed, and is closed, may be given again.</summary>
    public void Free(uint id)
    {
        lock (_lock)
        {
            _freeIds.Enqueue(id, id);
        }
    }
}
