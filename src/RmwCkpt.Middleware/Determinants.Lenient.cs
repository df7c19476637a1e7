using System.Buffers.Binary;
using RmwCkpt.Log;
using RmwCkpt.Registry;

namespace RmwCkpt.Middleware;

/// <summary>
/// Answers about the graph and random bytes. They are matched leniently: where threads interleave otherwise than in the
/// former life, one that does not find its cell goes on without, and cells that nobody asks for are passed.
/// </summary>
public sealed partial class Determinants
{
    /// <summary>More random bytes than this at once are not journalled: they seed something, whose state is in snapshots.</summary>
    public const int MaxRandom = 4096;

    /// <summary>The answer of a graph query: the journal's in replay, else the given one, journalled.</summary>
    public long Query(uint entity, long answer)
    {
        // At the journal's end, though threads may still come for what they read before.
        while (!IsReplaying || !_journal.HasNext)
        {
            if (Append(Determinant.Query, entity, 0, answer))
            {
                return answer;
            }
        }
        if (_journal.TryPeek(out var cell) && cell.Kind == (byte)Determinant.Query && cell.Entity == entity)
        {
            _journal.Advance();
            return cell.Value;
        }
        return answer;
    }

    /// <summary>
    /// Random bytes: the journal's in replay, else the given ones, journalled. A thread that asks where the former life's did
    /// not gets what the kernel gave. Takes <see cref="Gate"/> itself.
    /// </summary>
    public void ReadRandom(Span<byte> bytes)
    {
        var asked = (uint)bytes.Length;
        Span<byte> eight = stackalloc byte[8];
        lock (Gate)
        {
            for (; bytes.Length > 0; bytes = bytes[Math.Min(8, bytes.Length)..])
            {
                var part = bytes[..Math.Min(8, bytes.Length)];
                eight.Clear();
                part.CopyTo(eight);
                var recorded = false;
                while (!recorded && (!IsReplaying || !_journal.HasNext))
                {
                    recorded = Append(Determinant.Random, 0, asked, BinaryPrimitives.ReadInt64LittleEndian(eight));
                }
                if (!recorded && TryReplayRandom(asked, out var value))
                {
                    BinaryPrimitives.WriteInt64LittleEndian(eight, value);
                    eight[..part.Length].CopyTo(part);
                }
            }
        }
    }

    private bool TryReplayRandom(uint asked, out long value)
    {
        var stillness = default(Stillness);
        while (IsReplaying && _journal.TryPeek(out var cell))
        {
            if (cell.Kind == (byte)Determinant.Random && cell.Detail == asked)
            {
                _journal.Advance();
                value = cell.Value;
                return true;
            }
            if (IsLenient(cell))
            {
                Pass(cell);
            }
            else if (stillness.Lasts(_journal.Position) > ShortPatience)
            {
                break;
            }
            else
            {
                Monitor.Wait(Gate, s_look);
            }
        }
        value = 0;
        return false;
    }

    /// <summary>How long, at most, snapshots have frozen this process since this was last asked, ns.</summary>
    private long FrozenFor()
    {
        var freezes = _slot.AcquireUInt32(ProcessTable.Freezes);
        var start = _slot.AcquireInt64(ProcessTable.FreezeStart);
        if (_slot.AcquireUInt32(ProcessTable.Freezing) != 0)
        {
            return Clock.Steady - start;
        }
        var frozen = freezes != _freezes ? _slot.AcquireInt64(ProcessTable.FreezeEnd) - start : 0;
        _freezes = freezes;
        return frozen;
    }

    private static bool IsLenient(in Cell cell) =>
        cell.Kind is (byte)Determinant.Time or (byte)Determinant.Query or (byte)Determinant.Random;

    /// <summary>Passes a cell that others cannot wait for; a clock read tells the time all the same.</summary>
    private void Pass(in Cell cell)
    {
        if (cell.Kind == (byte)Determinant.Time)
        {
            Clock.Replay((int)(cell.Detail & 1), cell.Value);
            KeepPassed(cell);
        }
        _journal.Advance();
    }
}
