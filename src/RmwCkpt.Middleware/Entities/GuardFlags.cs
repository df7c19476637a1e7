using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Entities;

/// <summary>
/// The states of a session's guard conditions, by entity id and beside each other: executors wait for thousands, of which
/// few are triggered, and to visit each object would cost more than all the rest. Chunks stay where they are as there come
/// to be more. Allocates for each <see cref="ChunkSize"/> ids.
/// Thread-safety: <see cref="Make"/> under the session's lock; the rest any thread.
/// </summary>
public sealed class GuardFlags
{
    public const int ChunkSize = 4096;

    /// <summary>The entity is no guard condition.</summary>
    public const int None = 0;

    /// <summary>A guard condition that is not triggered.</summary>
    public const int Idle = 1;

    public const int Triggered = 2;

    /// <summary>More than so many searches cost as much as a look at each of thousands.</summary>
    private const int MostLookedFor = 16;

    private int[]?[] _chunks = new int[]?[1];

    /// <summary>For a look at many; who is made later may not be in it.</summary>
    public int[]?[] Chunks => Volatile.Read(ref _chunks);

    /// <summary>The state of an entity in <see cref="Chunks"/>.</summary>
    public static int Of(int[]?[] chunks, uint id)
    {
        var number = id / ChunkSize;
        return number < chunks.Length && chunks[number] is { } chunk ? chunk[id % ChunkSize] : None;
    }

    /// <summary>
    /// Which of these guard conditions, of one session, are triggered. False: there are too many triggered to look for each
    /// of them; nothing is said. Allocates nothing.
    /// </summary>
    public bool TryFindTriggered(ReadOnlySpan<uint> ids, Span<byte> ready, out bool any)
    {
        ready.Clear();
        any = false;
        var session = ids[0] & ~Session.EntityMask;
        var chunks = Chunks;
        var seen = 0;
        foreach (var chunk in chunks)
        {
            seen += chunk.AsSpan().Count(Triggered);
        }
        if (seen > MostLookedFor)
        {
            return false;
        }
        for (var number = 0; number < chunks.Length; number++)
        {
            var rest = chunks[number].AsSpan();
            for (var next = rest.IndexOf(Triggered); next >= 0; next = rest.IndexOf(Triggered))
            {
                var id = session | (uint)((number * ChunkSize) + ChunkSize - rest.Length + next);
                var place = ids.IndexOf(id);
                if (place >= 0)
                {
                    ready[place] = 1;
                    any = true;
                }
                rest = rest[(next + 1)..];
            }
        }
        return true;
    }

    /// <summary>Where the state of a new guard condition is, idle.</summary>
    public (int[] Chunk, int Index) Make(uint id)
    {
        var number = (int)(id / ChunkSize);
        if (number >= _chunks.Length)
        {
            var more = _chunks;
            Array.Resize(ref more, number + 1);
            Volatile.Write(ref _chunks, more);
        }
        var chunk = _chunks[number] ??= new int[ChunkSize];
        var index = (int)(id % ChunkSize);
        Volatile.Write(ref chunk[index], Idle);
        return (chunk, index);
    }
}
