using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;

namespace RmwCkpt.Memory;

/// <summary>
/// A bounds-checked view of raw memory, mostly of a mapped file. Little-endian, as every layout of the project.
/// The view does not own the memory: whoever holds it keeps the <see cref="Mapping"/> alive.
/// Thread-safety: that of the memory; Acquire, Release and the atomic calls order accesses between processes.
/// </summary>
public readonly unsafe struct Region
{
    private readonly byte* _base;

    public Region(nint address, int length)
    {
        _base = (byte*)address;
        Length = length;
    }

    /// <summary>Bytes.</summary>
    public int Length { get; }

    public nint Address => (nint)_base;

    public bool IsEmpty => _base is null;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* At(int offset, int size)
    {
        if ((uint)offset > (uint)(Length - size) || Length < size)
        {
            ThrowOutside(offset, size, Length);
        }
        return _base + offset;
    }

    public Region Slice(int offset, int length) => new((nint)At(offset, length), length);

    public Span<byte> Span(int offset, int length) => new(At(offset, length), length);

    public Span<byte> All => new(_base, Length);

    /// <summary>The address of <paramref name="size"/> bytes that lie inside the view.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public nint Pointer(int offset, int size) => (nint)At(offset, size);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte ReadByte(int offset) => *At(offset, 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(int offset, byte value)
    {
        Hook();
        *At(offset, 1) = value;
        Hook();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadInt32(int offset) => *(int*)At(offset, 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint ReadUInt32(int offset) => *(uint*)At(offset, 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long ReadInt64(int offset) => *(long*)At(offset, 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong ReadUInt64(int offset) => *(ulong*)At(offset, 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(int offset, int value)
    {
        Hook();
        *(int*)At(offset, 4) = value;
        Hook();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(int offset, uint value)
    {
        Hook();
        *(uint*)At(offset, 4) = value;
        Hook();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(int offset, long value)
    {
        Hook();
        *(long*)At(offset, 8) = value;
        Hook();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(int offset, ulong value)
    {
        Hook();
        *(ulong*)At(offset, 8) = value;
        Hook();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int AcquireInt32(int offset) => Volatile.Read(ref *(int*)At(offset, 4));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint AcquireUInt32(int offset) => Volatile.Read(ref *(uint*)At(offset, 4));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long AcquireInt64(int offset) => Volatile.Read(ref *(long*)At(offset, 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong AcquireUInt64(int offset) => Volatile.Read(ref *(ulong*)At(offset, 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Release(int offset, int value)
    {
        Hook();
        Volatile.Write(ref *(int*)At(offset, 4), value);
        Hook();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Release(int offset, uint value)
    {
        Hook();
        Volatile.Write(ref *(uint*)At(offset, 4), value);
        Hook();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Release(int offset, long value)
    {
        Hook();
        Volatile.Write(ref *(long*)At(offset, 8), value);
        Hook();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Release(int offset, ulong value)
    {
        Hook();
        Volatile.Write(ref *(ulong*)At(offset, 8), value);
        Hook();
    }

    /// <summary>Stores <paramref name="value"/> if <paramref name="expected"/> is there; says whether it was.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool CompareExchange(int offset, int expected, int value)
    {
        Hook();
        var done = Interlocked.CompareExchange(ref *(int*)At(offset, 4), value, expected) == expected;
        Hook();
        return done;
    }

    /// <inheritdoc cref="CompareExchange(int, int, int)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool CompareExchange(int offset, long expected, long value)
    {
        Hook();
        var done = Interlocked.CompareExchange(ref *(long*)At(offset, 8), value, expected) == expected;
        Hook();
        return done;
    }

    /// <inheritdoc cref="CompareExchange(int, int, int)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool CompareExchange(int offset, ulong expected, ulong value)
    {
        Hook();
        var done = Interlocked.CompareExchange(ref *(ulong*)At(offset, 8), value, expected) == expected;
        Hook();
        return done;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Exchange(int offset, uint value) => Interlocked.Exchange(ref *(uint*)At(offset, 4), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Increment(int offset) => Interlocked.Increment(ref *(uint*)At(offset, 4));

    /// <summary>Returns the sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long Add(int offset, long value) => Interlocked.Add(ref *(long*)At(offset, 8), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Decrement(int offset) => Interlocked.Decrement(ref *(uint*)At(offset, 4));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Or(int offset, ulong bits) => Interlocked.Or(ref *(ulong*)At(offset, 8), bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void And(int offset, ulong bits) => Interlocked.And(ref *(ulong*)At(offset, 8), bits);

    /// <summary>Zeroes <paramref name="length"/> bytes.</summary>
    public void Clear(int offset, int length)
    {
        Hook();
#if STORE_HOOKS
        Span(offset, length / 2).Clear();
        Hook();
#endif
        Span(offset, length).Clear();
        Hook();
    }

    /// <summary>Writes to each page of the view what is there.</summary>
    internal void TouchPages()
    {
        for (var offset = 0; offset < Length; offset += 4096)
        {
            Interlocked.Or(ref *(int*)At(offset, 4), 0);
        }
    }

    /// <summary>UTF-8 text ending at a NUL or at <paramref name="capacity"/> bytes.</summary>
    public string ReadText(int offset, int capacity)
    {
        ReadOnlySpan<byte> bytes = Span(offset, capacity);
        var end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    /// <summary>Writes UTF-8 text and zeroes the rest of <paramref name="capacity"/>.</summary>
    /// <exception cref="ArgumentException">The text and its NUL need more than <paramref name="capacity"/> bytes.</exception>
    public void WriteText(int offset, int capacity, string text)
    {
        var needed = Encoding.UTF8.GetByteCount(text) + 1;
        if (needed > capacity)
        {
            throw new ArgumentException($"'{text}' needs {needed} bytes where {capacity} fit", nameof(text));
        }
        var span = Span(offset, capacity);
        span.Clear();
        Encoding.UTF8.GetBytes(text, span);
    }

    /// <summary>CRC32C of part of the view. See <see cref="Checksum"/>.</summary>
    public uint Crc32C(int offset, int length) => Checksum.Crc32C(At(offset, length), length);

#if STORE_HOOKS
    /// <summary>
    /// Tests of recovery: called before and after each store of the thread; what it throws ends the incarnation there.
    /// </summary>
    [ThreadStatic]
    internal static Action? OnStore;
#endif

    [Conditional("STORE_HOOKS")]
    private static void Hook()
    {
#if STORE_HOOKS
        OnStore?.Invoke();
#endif
    }

    private static void ThrowOutside(int offset, int size, int length) =>
        throw new ArgumentOutOfRangeException(nameof(offset), $"{size} bytes at {offset} are outside a view of {length}");
}
