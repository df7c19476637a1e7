using RmwCkpt.Memory;

namespace RmwCkpt.Master.Streams;

/// <summary>
/// A file at whose end a process writes, read from a position on, and kept small: what is older goes into another beside it,
/// in place of what was there. Not thread-safe.
/// </summary>
public sealed class OutputFile : IDisposable
{
    /// <summary>Bytes of the file, and of the older one: beyond it is begun anew.</summary>
    public const int Limit = 512 * 1024;

    private readonly int _fd;
    private readonly Region _state;
    private readonly int _place;

    /// <param name="state">Where the position is kept, at <paramref name="place"/>.</param>
    /// <exception cref="IOException">There is no such file.</exception>
    public OutputFile(TrustedPath path, Region state, int place)
    {
        (Path, _state, _place) = (path, state, place);
        _fd = path.Open(Posix.ReadWrite);
    }

    public TrustedPath Path { get; }

    /// <summary>Up to where it was read.</summary>
    public long Position
    {
        get => _state.ReadInt64(_place);
        private set => _state.Write(_place, value);
    }

    public long Size => Posix.Size(_fd, Path.FullName);

    /// <summary>Reads on without passing it: <see cref="Advance"/> does. 0: there is nothing more.</summary>
    public int Read(Span<byte> bytes)
    {
        if (Position < 0 || Position > Size)
        {
            // It was begun anew by a master that was killed before it could say so.
            Position = 0;
        }
        return Posix.ReadAt(_fd, bytes, Position);
    }

    public void Advance(int bytes) => Position += bytes;

    /// <summary>Nobody wants what is in it so far.</summary>
    public void Skip() => Position = Size;

    /// <summary>
    /// Begins it anew if it is too large. How many bytes were not read before, and are in the older file at best.
    /// </summary>
    /// <exception cref="IOException">The older file cannot be made; this one is begun anew all the same.</exception>
    public long Trim()
    {
        if (Size <= Limit)
        {
            return 0;
        }
        long unread;
        try
        {
            Keep();
        }
        finally
        {
            // What is written between this look and the end of it is lost: a line, perhaps.
            unread = Math.Max(0, Size - Position);
            Posix.Empty(_fd);
            Position = 0;
        }
        return unread;
    }

    public void Dispose() => Posix.Close(_fd);

    private void Keep()
    {
        var bytes = new byte[Limit];
        var older = (Path + ".1").OpenNew();
        try
        {
            var at = Size - Limit;
            // The second time for what was written meanwhile.
            for (var i = 0; i < 2; i++)
            {
                var n = Posix.ReadAt(_fd, bytes, at);
                Posix.Write(older, bytes.AsSpan(0, n));
                at += n;
            }
        }
        finally
        {
            Posix.Close(older);
        }
    }
}
