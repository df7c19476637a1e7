using RmwCkpt.Memory;

namespace RmwCkpt.Domain;

/// <summary>The kinds of a graph row; the values of ckpt_kind.</summary>
public enum EntityKind : byte
{
    None = 0,
    Node = 1,
    Publisher = 2,
    Subscription = 3,
    Service = 4,
    Client = 5,
    Guard = 6,
    Event = 7,
}

/// <summary>
/// The graph: every node and endpoint of the domain, written by the master alone, mapped by all. Rows never move; a row
/// has a stamp (a sequence lock) and the graph version of its last change. Who follows the graph looks at the rows of the
/// recent changes; who has fallen behind, or starts, at all rows.
/// <code>
///   head, 1024 bytes: 0 u64 Magic   8 u64 Version   16 u32 Rows in use (high-water mark)   20 u32 Capacity
///                    24 u64 Changes, ever   32 u64 RunNumber: ties the run folder to the registry's journal
///                    64 u32 Recent[240]: the row of change n is at n % 240, written before Changes is raised to n + 1
///   row, 1024 bytes: see GraphRow; the same as ckpt_graph_entry in ckpt.h
/// </code>
/// The file has its full size from the start (CRIU compares sizes) but its blocks are allocated 64 KiB at a time.
/// </summary>
public sealed class GraphTable : IDisposable
{
    public const ulong MagicValue = 0x3248504152474b43; // "CKGRAPH2"
    public const int HeadSize = 1024;
    public const int RowSize = 1024;
    public const int Capacity = 16383;
    public const int FileSize = HeadSize + (Capacity * RowSize);
    public const int Magic = 0;
    public const int Version = 8;
    public const int Rows = 16;
    public const int CapacityAt = 20;
    public const int Changes = 24;
    public const int RunNumber = 32;
    public const int Recent = 64;
    public const int RecentCount = 240;

    private readonly Mapping _file;

    private GraphTable(Mapping file) => _file = file;

    /// <summary>Maps a graph that the master has made.</summary>
    /// <exception cref="IOException">It is missing or is not one.</exception>
    public static GraphTable Open(RunFolder folder)
    {
        var file = Mapping.Open(folder.Graph);
        if (!IsOne(file))
        {
            file.Dispose();
            throw new IOException($"{folder.Graph} is not a graph table of this version: stop the nodes and remove its folder");
        }
        return new GraphTable(file);
    }

    /// <summary>Whether there is one, of this version.</summary>
    public static bool Exists(RunFolder folder)
    {
        if (folder.Graph.Facts is not { Size: > 0 })
        {
            return false;
        }
        using var file = Mapping.Open(folder.Graph, writable: false);
        return IsOne(file);
    }

    private static bool IsOne(Mapping file) => file.View.Length == FileSize && file.View.ReadUInt64(Magic) == MagicValue;

    /// <summary>The head's bytes, for the master.</summary>
    public Region Head => _file.View.Slice(0, HeadSize);

    /// <summary>Version of the newest change. Rows changed at it or before it are complete.</summary>
    public ulong CurrentVersion => _file.View.AcquireUInt64(Version);

    public int RowCount => Math.Min(_file.View.AcquireInt32(Rows), Capacity);

    /// <summary>How many changes of rows there were, ever. Those of the current version are among them.</summary>
    public ulong ChangeCount => _file.View.AcquireUInt64(Changes);

    /// <summary>
    /// The rows of the changes from <paramref name="from"/> (a former <see cref="ChangeCount"/>) to <paramref name="to"/>.
    /// False: they are no longer known, look at all rows. Allocates nothing.
    /// </summary>
    public bool TryGetRecent(ulong from, ulong to, Span<int> rows, out int count)
    {
        count = 0;
        if (to - from > (ulong)rows.Length)
        {
            return false;
        }
        for (var change = from; change < to; change++)
        {
            rows[count++] = (int)_file.View.ReadUInt32(Place(change));
        }
        Interlocked.MemoryBarrier();
        // One more may be being written, which Changes does not count yet.
        return ChangeCount - from < RecentCount;
    }

    /// <summary>By the master: a row has changed.</summary>
    public void AddChange(int row)
    {
        var change = _file.View.ReadUInt64(Changes);
        _file.View.Write(Place(change), (uint)row);
        _file.View.Release(Changes, change + 1);
    }

    /// <summary>By the master: any row may have changed.</summary>
    public void ForgetChanges() => _file.View.Release(Changes, _file.View.ReadUInt64(Changes) + RecentCount + 1);

    private static int Place(ulong change) => Recent + (4 * (int)(change % RecentCount));

    public Region Row(int index) => _file.View.Slice(HeadSize + (index * RowSize), RowSize);

    /// <summary>Whether it is the one that the run folder has.</summary>
    public bool Is(RunFolder folder) => _file.Is(folder.Graph);

    /// <summary>Goes to the graph of a run folder that was made again.</summary>
    /// <exception cref="IOException">It is not there; nothing is changed.</exception>
    public void MoveTo(RunFolder folder) => _file.MoveTo(folder.Graph);

    public void Dispose() => _file.Dispose();
}
