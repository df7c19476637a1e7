using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Graph;

/// <summary>Reads of the mapped graph table. Allocate nothing. Thread-safe.</summary>
public static class GraphQueries
{
    public static int Count(GraphTable graph, EntityKind kind, ReadOnlySpan<byte> name)
    {
        var count = 0;
        var rows = graph.RowCount;
        for (var i = 0; i < rows; i++)
        {
            count += Is(graph.Row(i), kind, name) ? 1 : 0;
        }
        return count;
    }

    /// <summary>Whether a row is that of a live entity of this kind and name. See <see cref="GraphRow.TryCopy"/>.</summary>
    internal static bool Is(Region row, EntityKind kind, ReadOnlySpan<byte> name)
    {
        for (var attempt = 0; attempt < GraphRow.MostAttempts; attempt++)
        {
            var before = row.AcquireUInt32(GraphRow.Stamp);
            var found = row.AcquireUInt32(GraphRow.State) != 0 && row.ReadByte(GraphRow.Kind) == (byte)kind
                && name.Length < GraphRow.NameSize && row.ReadByte(GraphRow.Name + name.Length) == 0
                && row.Span(GraphRow.Name, name.Length).SequenceEqual(name);
            Volatile.ReadBarrier();
            if ((before & 1) == 0 && row.AcquireUInt32(GraphRow.Stamp) == before)
            {
                return found;
            }
        }
        return false;
    }

    /// <summary>Copies live rows, all of one graph version; returns how many there are, which may be more than fitted.</summary>
    public static int Copy(GraphTable graph, Span<byte> rows)
    {
        var count = 0;
        for (var attempt = 0; attempt < 20; attempt++)
        {
            var version = graph.CurrentVersion;
            count = 0;
            for (var i = 0; i < graph.RowCount; i++)
            {
                var row = graph.Row(i);
                var place = count * GraphTable.RowSize;
                if (place < rows.Length
                    ? GraphRow.TryCopy(row, rows.Slice(place, GraphTable.RowSize))
                    : row.AcquireUInt32(GraphRow.State) != 0)
                {
                    count++;
                }
            }
            if (graph.CurrentVersion == version)
            {
                break;
            }
        }
        return count;
    }
}
