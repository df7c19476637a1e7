using Google.Protobuf;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Registry;

/// <summary>
/// Writes the mapped graph. Readers map it too, so an existing file is always kept in place and mended, never replaced.
/// Changes are collected and become one new graph version with <see cref="Publish"/>. Not thread-safe: the registry's lock.
/// </summary>
public sealed class GraphWriter : IDisposable
{
    private const int BlockSize = 1 << 16;
    private readonly TrustedPath _path;
    private readonly GraphTable _table;
    private readonly Dictionary<(ulong Process, uint Entity), int> _rows = [];
    private readonly SortedSet<int> _free = [];
    private long _allocated;
    private bool _changed;

    private GraphWriter(TrustedPath path, GraphTable table)
    {
        _path = path;
        _table = table;
    }

    public ulong Version => _table.CurrentVersion;

    /// <summary>Tells this run folder from one that was emptied and made anew.</summary>
    public ulong Run => _table.Head.ReadUInt64(GraphTable.RunNumber);

    /// <summary>
    /// Maps the graph, or makes it (aside, then named, so that nobody maps half a head). One of another version is replaced
    /// if none of the nodes lives that it is of.
    /// </summary>
    /// <param name="isUsed">Whether any process of the domain lives.</param>
    /// <exception cref="IOException">It is of another version and used, or it cannot be made.</exception>
    public static GraphWriter Open(RunFolder folder, Func<bool> isUsed)
    {
        if (!folder.Graph.Exists || (!GraphTable.Exists(folder) && !isUsed()))
        {
            var aside = folder.Graph + ".new";
            aside.Unlink();
            Posix.MakeSparse(aside, GraphTable.FileSize);
            Posix.AllocateRange(aside, 0, BlockSize);
            using (var file = Mapping.Open(aside))
            {
                file.View.Write(GraphTable.CapacityAt, GraphTable.Capacity);
                file.View.Write(GraphTable.RunNumber, (ulong)Random.Shared.NextInt64(1, long.MaxValue));
                file.View.Write(GraphTable.Magic, GraphTable.MagicValue);
            }
            aside.MoveTo(folder.Graph);
        }
        return new GraphWriter(folder.Graph, GraphTable.Open(folder));
    }

    /// <summary>What stands in the graph that the master before has left, which nobody has looked at yet.</summary>
    public IEnumerable<(ulong Process, uint Slot, Entity Entity)> Rows()
    {
        var copy = new byte[GraphTable.RowSize];
        for (var i = 0; i < _table.RowCount; i++)
        {
            if (GraphRow.TryCopy(_table.Row(i), copy))
            {
                yield return Read(copy);
            }
        }
    }

    private static (ulong Process, uint Slot, Entity Entity) Read(byte[] row) => (
        Gid.Read(row.AsSpan(GraphRow.GidBytes)).Process,
        BitConverter.ToUInt32(row, GraphRow.Process),
        new Entity
        {
            Entity_ = BitConverter.ToUInt32(row, GraphRow.Entity),
            Kind = row[GraphRow.Kind],
            Node = BitConverter.ToUInt32(row, GraphRow.Node),
            Gid = ByteString.CopyFrom(row, GraphRow.GidBytes, Gid.Size),
            Qos = row[GraphRow.Kind] == (byte)EntityKind.Node ? ByteString.Empty : ByteString.CopyFrom(row, GraphRow.QosBytes, Qos.Size),
            TypeHash = (row[GraphRow.Flags] & GraphRow.HasTypeHash) != 0
                ? ByteString.CopyFrom(row, GraphRow.TypeHash, GraphRow.TypeHashSize) : ByteString.Empty,
            Created = BitConverter.ToInt64(row, GraphRow.Created),
            Name = Text(row, GraphRow.Name, GraphRow.NameSize),
            Type = Text(row, GraphRow.Type, GraphRow.NameSize),
            Enclave = Text(row, GraphRow.Enclave, GraphRow.EnclaveSize),
        });

    private static string Text(byte[] row, int offset, int size)
    {
        var text = row.AsSpan(offset, size);
        var end = text.IndexOf((byte)0);
        return System.Text.Encoding.UTF8.GetString(end < 0 ? text : text[..end]);
    }

    /// <summary>
    /// Makes the graph show exactly what the registry knows, keeping each row that is right: readers with older versions
    /// see only what changed. A row left half-written by a killed master is among what is mended.
    /// </summary>
    public void Rebuild(IEnumerable<RegistryEntry> entries)
    {
        var wanted = entries.Where(e => e.IsVisible)
            .SelectMany(e => e.Entities.Values.Select(x => (Key: (e.Record.Process_, x.Entity_), e.Record.Slot, Entity: x)))
            .ToDictionary(x => x.Key);
        _allocated = 0;
        var count = _table.RowCount;
        Allocate(count);
        Span<byte> gid = stackalloc byte[Gid.Size];
        for (var i = 0; i < count; i++)
        {
            var row = _table.Row(i);
            row.Span(GraphRow.GidBytes, Gid.Size).CopyTo(gid);
            var (process, entity, _) = Gid.Read(gid);
            var whole = (row.ReadUInt32(GraphRow.Stamp) & 1) == 0;
            if (whole && row.ReadUInt32(GraphRow.State) == 1 && wanted.TryGetValue((process, entity), out var item)
                && row.ReadUInt32(GraphRow.Process) == item.Slot)
            {
                wanted.Remove((process, entity));
                _rows[(process, entity)] = i;
                continue;
            }
            if (!whole || row.ReadUInt32(GraphRow.State) != 0)
            {
                Begin(row);
                row.Write(GraphRow.State, 0u);
                End(row);
            }
            _free.Add(i);
        }
        foreach (var (key, slot, entity) in wanted.Values)
        {
            Add(key.Process_, slot, entity);
        }
        // Always a new version: rows of one that a killed master did not come to publish have its number already.
        _changed = true;
        _table.ForgetChanges();
        Publish();
    }

    /// <summary>Rows for which there is still room.</summary>
    public int Room => GraphTable.Capacity - _rows.Count;

    /// <summary>Makes sure that <paramref name="more"/> rows can be written without meeting a full file system.</summary>
    /// <exception cref="IOException">There is no space.</exception>
    public void Reserve(int more) => Allocate(_table.RowCount + Math.Max(0, more - _free.Count));

    public void Add(ulong process, uint slot, Entity entity)
    {
        if (_rows.ContainsKey((process, entity.Entity_)))
        {
            return;
        }
        int index;
        if (_free.Count > 0)
        {
            index = _free.Min;
            _free.Remove(index);
        }
        else
        {
            index = _table.RowCount;
            Allocate(index + 1);
            _table.Head.Write(GraphTable.Rows, index + 1);
        }
        var row = _table.Row(index);
        Begin(row);
        Fill(row, slot, entity);
        End(row);
        _table.AddChange(index);
        _rows.Add((process, entity.Entity_), index);
    }

    public void Remove(ulong process, uint entity)
    {
        if (_rows.Remove((process, entity), out var index))
        {
            var row = _table.Row(index);
            Begin(row);
            row.Write(GraphRow.State, 0u);
            End(row);
            _table.AddChange(index);
            _free.Add(index);
        }
    }

    /// <summary>Makes the changes since the last call a graph version. False: there were none.</summary>
    public bool Publish()
    {
        if (!_changed)
        {
            return false;
        }
        _changed = false;
        _table.Head.Release(GraphTable.Version, Version + 1);
        return true;
    }

    public void Dispose() => _table.Dispose();

    private static void Fill(Region row, uint slot, Entity entity)
    {
        row.Write(GraphRow.Kind, (byte)entity.Kind);
        row.Write(GraphRow.Flags, entity.TypeHash.Length > 0 ? GraphRow.HasTypeHash : (byte)0);
        row.Write(GraphRow.Process, slot);
        row.Write(GraphRow.Node, entity.Node);
        row.Write(GraphRow.Entity, entity.Entity_);
        entity.Gid.Span.CopyTo(row.Span(GraphRow.GidBytes, Gid.Size));
        row.Clear(GraphRow.QosBytes, Qos.Size);
        entity.Qos.Span.CopyTo(row.Span(GraphRow.QosBytes, Qos.Size));
        row.Clear(GraphRow.TypeHash, 40);
        entity.TypeHash.Span.CopyTo(row.Span(GraphRow.TypeHash, 40));
        row.Write(GraphRow.Created, entity.Created);
        row.WriteText(GraphRow.Name, GraphRow.NameSize, entity.Name);
        row.WriteText(GraphRow.Type, GraphRow.NameSize, entity.Type);
        row.WriteText(GraphRow.Enclave, GraphRow.EnclaveSize, entity.Enclave);
        row.Write(GraphRow.State, 1u);
    }

    /// <summary>Marks a row as being written: odd stamp first, seen before any other store.</summary>
    private void Begin(Region row)
    {
        row.Write(GraphRow.Stamp, row.ReadUInt32(GraphRow.Stamp) | 1);
        Interlocked.MemoryBarrier();
        row.Write(GraphRow.Version, Version + 1);
        _changed = true;
    }

    private static void End(Region row) => row.Release(GraphRow.Stamp, row.ReadUInt32(GraphRow.Stamp) + 1);

    private void Allocate(int rows)
    {
        var needed = GraphTable.HeadSize + ((long)rows * GraphTable.RowSize);
        if (needed > _allocated)
        {
            var end = Math.Min((needed + BlockSize - 1) / BlockSize * BlockSize, GraphTable.FileSize);
            SpareRoom.Do(_path.Folder, end - _allocated, () => Posix.AllocateRange(_path, _allocated, end - _allocated));
            _allocated = end;
        }
    }
}
