namespace RmwCkpt.Memory;

/// <summary>
/// A file mapped shared, its descriptor closed. The last Dispose of those who hold it unmaps; there is no finalizer, for
/// a view may outlive every reference to this object. Thread-safe, but for the use of the view.
/// </summary>
public sealed class Mapping : IDisposable
{
    /// <summary>Bytes from which on a fault for each page costs more than to have all present, used or not.</summary>
    private const int Large = 64 * 1024;

    private readonly nint _address;
    private readonly bool _writable;
    private (uint, uint, ulong)? _identity;
    private int _holders = 1;

    private Mapping(TrustedPath path, int fd, int length, bool writable, bool populate)
    {
        Path = path;
        _writable = writable;
        _identity = Posix.Facts(fd)?.Id;
        _address = Posix.Map(fd, length, writable, path.FullName, populate);
        View = new Region(_address, length);
    }

    public TrustedPath Path { get; }

    public Region View { get; }

    /// <summary>
    /// Makes a new file of <paramref name="length"/> zero bytes, in place of what an incarnation that died here has left, whose
    /// blocks are allocated, so that no later store can meet a full file system (a SIGBUS), and maps it; if it is large,
    /// with its pages present. Mode 0600.
    /// </summary>
    /// <exception cref="PosixException">ENOSPC and the rest of open(2), fallocate(2) and mmap(2). Nothing is left.</exception>
    public static Mapping Create(TrustedPath path, int length)
    {
        var fd = path.OpenNew();
        try
        {
            Posix.Allocate(fd, length, path.FullName);
            return new Mapping(path, fd, length, writable: true, populate: length >= Large);
        }
        catch
        {
            path.Unlink();
            throw;
        }
        finally
        {
            Posix.Close(fd);
        }
    }

    /// <summary>Maps a file that is there, whole. Pages in use are not pre-faulted unless <paramref name="populate"/>.</summary>
    /// <exception cref="PosixException">As open(2) and mmap(2); an empty file or one over 2 GiB is EINVAL.</exception>
    public static Mapping Open(TrustedPath path, bool writable = true, bool populate = false)
    {
        var fd = path.Open(writable ? Posix.ReadWrite : Posix.ReadOnly);
        try
        {
            var length = Posix.Size(fd, path.FullName);
            if (length is <= 0 or > int.MaxValue)
            {
                throw new PosixException(Posix.Einval, $"map {path}: its size is {length} bytes");
            }
            return new Mapping(path, fd, (int)length, writable, populate);
        }
        finally
        {
            Posix.Close(fd);
        }
    }

    /// <summary>
    /// From now on a part of the view is this process' own: what is written there is not the file's any more, and belongs to
    /// an image of the process. At no time, for no thread, does it lose what is in it. Offset and length are of whole pages.
    /// </summary>
    /// <exception cref="PosixException">As open(2) and mmap(2); nothing is changed.</exception>
    public void Detach(int offset, int length)
    {
        MapAgain(offset, length, shared: false);
        // A page of it becomes its own by being written to; atomically, for other threads write there too.
        View.Slice(offset, length).TouchPages();
    }

    /// <summary>Takes <see cref="Detach"/> back: the part is the file's again, and what was in it is gone.</summary>
    /// <exception cref="PosixException">As open(2) and mmap(2); nothing is changed.</exception>
    public void Attach(int offset, int length) => MapAgain(offset, length, shared: true);

    private void MapAgain(int offset, int length, bool shared)
    {
        var fd = Path.Open(Posix.ReadWrite);
        try
        {
            Posix.MapOver(View.Pointer(offset, length), length, fd, offset, shared, Path.FullName);
        }
        finally
        {
            Posix.Close(fd);
        }
    }

    /// <summary>Whether the file of a name is the one that is mapped: somebody may have removed that, and made another.</summary>
    public bool Is(TrustedPath path) => path.Facts?.Id == _identity;

    /// <summary>
    /// Maps the file of a name in place of the one that is mapped, at the same address: views of it stay what they are. In
    /// one step for all threads.
    /// </summary>
    /// <exception cref="IOException">It is not there, or of another size; nothing is changed.</exception>
    public void MoveTo(TrustedPath path) => MoveTo(path, [(0, View.Length)]);

    /// <summary>
    /// Gives the file of a name, which somebody has removed, to all again: a new one with what is mapped, and what
    /// <paramref name="change"/> makes of that, is then mapped in its place. Nobody writes to the view meanwhile.
    /// </summary>
    /// <param name="parts">Offset and length, of whole pages, of what is mapped anew; null: all.</param>
    /// <exception cref="PosixException">ENOSPC and the like; nothing is changed.</exception>
    public void Remake(TrustedPath path, Action<Region>? change = null, IReadOnlyList<(int, int)>? parts = null)
    {
        var temporary = path + ".again";
        using (var copy = Create(temporary, View.Length))
        {
            View.All.CopyTo(copy.View.All);
            change?.Invoke(copy.View);
        }
        temporary.MoveTo(path);
        MoveTo(path, parts ?? [(0, View.Length)]);
    }

    /// <summary>The file as it is mapped now, once more: it stays mapped there when this one moves.</summary>
    public Twin Duplicate() => new(Posix.MapTwice(_address, View.Length, Path.FullName), View.Length);

    private void MoveTo(TrustedPath path, IReadOnlyList<(int Offset, int Length)> parts)
    {
        var fd = path.Open(_writable ? Posix.ReadWrite : Posix.ReadOnly);
        try
        {
            if (Posix.Size(fd, path.FullName) != View.Length)
            {
                throw new IOException($"{path} has another size than the file that was there before");
            }
            foreach (var (offset, length) in parts)
            {
                Posix.MapOver(View.Pointer(offset, length), length, fd, offset, shared: true, path.FullName, _writable);
            }
            _identity = Posix.Facts(fd)?.Id;
        }
        finally
        {
            Posix.Close(fd);
        }
    }

    /// <summary>A second mapping of what a <see cref="Mapping"/> had mapped.</summary>
    public readonly struct Twin(nint address, int length) : IDisposable
    {
        public Region View => new(address, length);

        public void Dispose() => Posix.Unmap(address, length);
    }

    /// <summary>One more holder, who is to dispose of it too. Returns this.</summary>
    public Mapping Hold()
    {
        Interlocked.Increment(ref _holders);
        return this;
    }

    /// <summary>Once by each holder.</summary>
    public void Dispose()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            Posix.Unmap(_address, View.Length);
        }
    }
}
