using RmwCkpt.Memory;

namespace RmwCkpt.Master.Streams;

/// <summary>
/// What the next master needs to know in order to go on passing on a process' outputs. Mapped; written by the master alone.
/// <code>
///  0 i64 Output       bytes of output.log that were passed on
///  8 i64 Errors       the same of errors.log
/// 16 u32 Holder       process that keeps the pipes open while there is no master; its descriptors 1 and 2 are they; 0: none
/// 24 u64 HolderStart  when it started, clock ticks since boot
/// </code>
/// </summary>
public static class StreamState
{
    public const int Size = 64;
    public const int Output = 0;
    public const int Errors = 8;
    public const int Holder = 16;
    public const int HolderStart = 24;

    /// <summary>Opens or makes the file.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    public static Mapping Open(TrustedPath path)
    {
        if (path.Exists)
        {
            var found = Mapping.Open(path);
            if (found.View.Length == Size)
            {
                return found;
            }
            found.Dispose();
        }
        return SpareRoom.Do(path.Folder, Size, () => Mapping.Create(path, Size));
    }
}
