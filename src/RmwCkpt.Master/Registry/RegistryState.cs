using System.Diagnostics.CodeAnalysis;
using System.Text;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Server;

namespace RmwCkpt.Master.Registry;

/// <summary>One process of the registry and what it has registered.</summary>
public sealed class RegistryEntry(Process record)
{
    public Process Record { get; set; } = record;

    /// <summary>Not to be read while requests are carried out.</summary>
    public SortedDictionary<uint, Entity> Entities { get; } = [];

    public ProcessState State => (ProcessState)Record.State;

    /// <summary>Whether its nodes and endpoints are in the graph: also while it is dead and comes back.</summary>
    public bool IsVisible => State is ProcessState.Live or ProcessState.Recovering;

    /// <summary>
    /// Whether all its nodes are hidden, as ROS calls those whose names begin with an underscore: a command-line tool, which
    /// is neither frozen nor brought back. Free to read.
    /// </summary>
    public bool IsHidden { get; private set; }

    /// <summary>Fully qualified names of its nodes, in order of creation. Free to read.</summary>
    public IReadOnlyList<string> NodeNames { get; private set; } = [];

    /// <summary>Nodes have come or gone.</summary>
    internal void NoteNodes(bool added)
    {
        var nodes = Entities.Values.Where(e => e.Kind == (uint)EntityKind.Node).ToList();
        NodeNames = [.. nodes.Select(e => (e.Type.Length == 0 || e.Type == "/" ? "" : e.Type) + "/" + e.Name)];
        // Not by nodes that go: a process that ends may destroy its hidden ones last.
        IsHidden = added ? nodes.All(e => e.Name.StartsWith('_')) : IsHidden;
    }

    /// <summary>How logs and messages call it: its nodes' names, else its id.</summary>
    public override string ToString()
    {
        var names = NodeNames;
        return names.Count switch
        {
            0 => $"process {Record.Process_:x16}",
            <= 3 => string.Join(", ", names),
            _ => $"{names[0]} and {names.Count - 1} more nodes",
        };
    }
}

/// <summary>
/// What the registry knows: a pure function of its journal's records. No I/O; not thread-safe. Checks come before changes:
/// a request is turned into records by <see cref="CheckRegister"/> or <see cref="CheckUnregister"/>, and they are applied.
/// </summary>
public sealed class RegistryState
{
    private readonly Dictionary<ulong, RegistryEntry> _entries = [];

    public IEnumerable<RegistryEntry> Entries => _entries.Values;

    public int EntityCount { get; private set; }

    public bool TryGet(ulong process, [NotNullWhen(true)] out RegistryEntry? entry) => _entries.TryGetValue(process, out entry);

    /// <summary>Applies a record; one that does not fit (its process is unknown) changes nothing and gives false.</summary>
    public bool Apply(RegistryRecord record)
    {
        switch (record.WhatCase)
        {
            case RegistryRecord.WhatOneofCase.Head:
                return true;
            case RegistryRecord.WhatOneofCase.Process:
                if (_entries.TryGetValue(record.Process.Process_, out var old))
                {
                    old.Record = record.Process;
                }
                else
                {
                    _entries.Add(record.Process.Process_, new RegistryEntry(record.Process));
                }
                return true;
            case RegistryRecord.WhatOneofCase.Added when _entries.TryGetValue(record.Added.Process, out var to):
                foreach (var entity in record.Added.Entities)
                {
                    EntityCount += to.Entities.TryAdd(entity.Entity_, entity) ? 1 : 0;
                }
                if (record.Added.Entities.Any(e => e.Kind == (uint)EntityKind.Node))
                {
                    to.NoteNodes(added: true);
                }
                return true;
            case RegistryRecord.WhatOneofCase.Removed when _entries.TryGetValue(record.Removed.Process, out var from):
                var anyNode = false;
                foreach (var id in record.Removed.Entities)
                {
                    if (from.Entities.Remove(id, out var entity))
                    {
                        EntityCount--;
                        anyNode |= entity.Kind == (uint)EntityKind.Node;
                    }
                }
                if (anyNode)
                {
                    from.NoteNodes(added: false);
                }
                return true;
            case RegistryRecord.WhatOneofCase.Gone when _entries.Remove(record.Gone, out var gone):
                EntityCount -= gone.Entities.Count;
                return true;
            default:
                return false;
        }
    }

    /// <summary>The records that make this state.</summary>
    public IEnumerable<RegistryRecord> ToRecords()
    {
        foreach (var entry in _entries.Values)
        {
            yield return new RegistryRecord { Process = entry.Record };
            if (entry.Entities.Count > 0)
            {
                var added = new Register { Process = entry.Record.Process_ };
                added.Entities.AddRange(entry.Entities.Values);
                yield return new RegistryRecord { Added = added };
            }
        }
    }

    /// <summary>
    /// What of a request is new; an endpoint that is there already with the same content is not (a client asks again after
    /// a lost answer). One bad entity refuses all.
    /// </summary>
    /// <exception cref="RequestException">Why it is refused.</exception>
    public Register CheckRegister(Register request)
    {
        var entry = Find(request.Process);
        var added = new Register { Process = request.Process };
        var names = request.Entities.Where(e => e.Kind == (uint)EntityKind.Node).Select(e => e.Entity_).ToHashSet();
        foreach (var entity in request.Entities)
        {
            CheckEntity(request.Process, entity);
            if (entity.Kind != (uint)EntityKind.Node && !names.Contains(entity.Node)
                && !(entry.Entities.TryGetValue(entity.Node, out var node) && node.Kind == (uint)EntityKind.Node))
            {
                throw new RequestException($"entity {entity.Entity_} ({entity.Name}) names node {entity.Node}, which is not registered");
            }
            if (!entry.Entities.TryGetValue(entity.Entity_, out var there))
            {
                if (added.Entities.All(e => e.Entity_ != entity.Entity_))
                {
                    added.Entities.Add(entity);
                }
            }
            else if (!IsSame(there, entity))
            {
                throw new RequestException($"entity {entity.Entity_} is registered as {there.Name} ({(EntityKind)there.Kind}) already");
            }
        }
        return added;
    }

    /// <summary>What of a request is there; entities that are gone already are passed over.</summary>
    /// <exception cref="RequestException">Why it is refused.</exception>
    public Unregister CheckUnregister(Unregister request)
    {
        var entry = Find(request.Process);
        var removed = new Unregister { Process = request.Process };
        removed.Entities.AddRange(request.Entities.Where(entry.Entities.ContainsKey).Distinct());
        return removed;
    }

    /// <summary>Equal but for the time of creation: an incarnation that was started again makes its endpoints again.</summary>
    public static bool IsSame(Entity there, Entity entity) =>
        there.Equals(entity) || there.Equals(new Entity(entity) { Created = there.Created });

    private RegistryEntry Find(ulong process) => _entries.TryGetValue(process, out var entry)
        ? entry
        : throw RequestException.NotKnown(process);

    private static void CheckEntity(ulong process, Entity entity)
    {
        if (entity.Kind is < (uint)EntityKind.Node or > (uint)EntityKind.Client)
        {
            throw new RequestException($"entity {entity.Entity_} is of kind {entity.Kind}, which is none of node, publisher, "
                + "subscription, service, client");
        }
        if (entity.Gid.Length != Gid.Size || Gid.Read(entity.Gid.Span).Process != process
            || Gid.Read(entity.Gid.Span).Entity != entity.Entity_)
        {
            throw new RequestException($"entity {entity.Entity_} ({entity.Name}) has a gid that is not its own");
        }
        if (entity.TypeHash.Length is not (0 or GraphRow.TypeHashSize))
        {
            throw new RequestException($"entity {entity.Entity_} ({entity.Name}) has a type hash of {entity.TypeHash.Length} bytes");
        }
        CheckText(entity.Name, "name", GraphRow.NameSize, mayBeEmpty: false);
        CheckText(entity.Type, entity.Kind == (uint)EntityKind.Node ? "namespace" : "type name", GraphRow.NameSize, mayBeEmpty: true);
        CheckText(entity.Enclave, "enclave", GraphRow.EnclaveSize, mayBeEmpty: true);
        if (entity.Kind != (uint)EntityKind.Node && (entity.Qos.Length != Qos.Size || !Qos.Read(entity.Qos.Span).IsValid))
        {
            throw new RequestException($"entity {entity.Entity_} ({entity.Name}) has a QoS that is not valid");
        }
    }

    private static void CheckText(string text, string what, int size, bool mayBeEmpty)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        if (length >= size || (length == 0 && !mayBeEmpty) || text.Contains('\0', StringComparison.Ordinal))
        {
            throw new RequestException(
                $"{what} '{(text.Length > 40 ? text[..40] + "..." : text)}' has {length} bytes: from {(mayBeEmpty ? 0 : 1)} "
                + $"to {size - 1} are possible, none of them NUL");
        }
    }
}
