using System.Numerics;
using System.Runtime.InteropServices;
using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware;
using RmwCkpt.Middleware.Processes;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Exports;

/// <summary>
/// A wait on entities of several domains: one executor may have nodes of contexts in each. It looks at each domain's part in
/// turn, and in between sleeps on the bell of the wait set's own for a moment. Each domain's journal has its part.
/// </summary>
internal static class MixedWait
{
    /// <summary>ns, at most, until it hears of what came in another domain than the wait set's.</summary>
    private const long Look = 1_000_000;

    [ThreadStatic]
    private static uint[]? t_ids;

    [ThreadStatic]
    private static byte[]? t_ready;

    private static Handles Handles => ProcessContext.Current.Handles;

    /// <summary>Whether an entity is of another session. Asked for each wait, of thousands of entities at a time.</summary>
    public static bool IsMixed(uint session, ReadOnlySpan<uint> ids)
    {
        var vectors = MemoryMarshal.Cast<uint, Vector<uint>>(ids);
        var differing = Vector<uint>.Zero;
        foreach (var vector in vectors)
        {
            differing |= vector ^ new Vector<uint>(session);
        }
        foreach (var id in ids[(vectors.Length * Vector<uint>.Count)..])
        {
            differing |= new Vector<uint>(id ^ session);
        }
        return Vector.GreaterThanAny(differing, new Vector<uint>(Session.EntityMask));
    }

    public static Code Wait(uint session, ReadOnlySpan<uint> ids, Span<byte> ready, long timeout)
    {
        var slot = Handles.Session(session).Slot;
        var start = Posix.Now(Posix.MonotonicClock);
        Span<bool> named = stackalloc bool[256];
        foreach (var id in ids)
        {
            named[(int)(id >> 24)] = true;
        }
        ready.Clear();
        while (true)
        {
            var bell = slot.AcquireUInt32(ProcessTable.Bell);
            var any = false;
            for (var number = 0u; number < named.Length; number++)
            {
                any |= named[(int)number] && LookAt(number, ids, ready);
            }
            var rest = timeout is < 0 or long.MaxValue ? Look : timeout - (Posix.Now(Posix.MonotonicClock) - start);
            if (any || rest <= 0)
            {
                return any ? Code.Ok : Code.Timeout;
            }
            ProcessTable.Sleep(slot, bell, Math.Min(rest, Look));
        }
    }

    /// <summary>Waits for no time on those of the entities that are of one session.</summary>
    private static bool LookAt(uint number, ReadOnlySpan<uint> ids, Span<byte> ready)
    {
        var waiter = Handles.Session(number << 24).Waiter;
        if ((t_ids?.Length ?? 0) < ids.Length)
        {
            t_ids = new uint[ids.Length];
            t_ready = new byte[ids.Length];
        }
        var count = 0;
        foreach (var id in ids)
        {
            if (id >> 24 == number)
            {
                t_ids![count++] = id;
            }
        }
        var part = t_ids.AsSpan(0, count);
        var partReady = t_ready.AsSpan(0, count);
        if (!waiter.HasReady(part) || waiter.Wait(part, partReady, 0) != Code.Ok)
        {
            return false;
        }
        count = 0;
        for (var i = 0; i < ids.Length; i++)
        {
            ready[i] = ids[i] >> 24 == number ? partReady[count++] : ready[i];
        }
        return true;
    }
}
