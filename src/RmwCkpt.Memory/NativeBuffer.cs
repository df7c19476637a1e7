using System.Runtime.InteropServices;

namespace RmwCkpt.Memory;

/// <summary>Memory outside the collector's heap that grows on demand and is used again. One caller at a time.</summary>
public sealed unsafe class NativeBuffer : IDisposable
{
    private void* _memory;
    private int _capacity;

    /// <summary>What the last Ensure asked for.</summary>
    public Region Region { get; private set; }

    /// <summary>At least <paramref name="size"/> bytes, 64-byte aligned, not zeroed. Earlier regions are void when it grew.</summary>
    public Region Ensure(int size)
    {
        if (size > _capacity)
        {
            NativeMemory.AlignedFree(_memory);
            _memory = null;
            _capacity = 0;
            var capacity = (nuint)Math.Max(4096, size);
            _memory = NativeMemory.AlignedAlloc(capacity, 64);
            _capacity = (int)capacity;
        }
        if (_memory is null)
        {
            _memory = NativeMemory.AlignedAlloc(4096, 64);
            _capacity = 4096;
        }
        return Region = new Region((nint)_memory, size);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
        _capacity = 0;
        Region = default;
    }
}
