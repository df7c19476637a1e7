using System.Runtime.InteropServices;

namespace RmwCkpt.Memory;

/// <summary>Pointers from C, as the exports get them.</summary>
public static unsafe class Symbols
{
    /// <summary>The address of an exported function of any loaded library, or 0.</summary>
    public static nint AddressOf(string name) =>
        NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), name, out var address)
            ? address
            : (nint)(delegate* unmanaged<void>)&Anchor;

    /// <summary>A NUL-terminated string's bytes, in place.</summary>
    public static ReadOnlySpan<byte> Bytes(nint text) => MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)text);

    /// <summary>An array of handles, in place.</summary>
    public static ReadOnlySpan<uint> Handles(nint ids, int count) => new((void*)ids, count);

    /// <summary>A C callback (user, count) as a delegate.</summary>
    public static Action<int> Caller(nint callback, nint user) =>
        count => ((delegate* unmanaged<nint, nuint, void>)callback)(user, (nuint)count);

    [UnmanagedCallersOnly]
    private static void Anchor()
    {
    }
}
