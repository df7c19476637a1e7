using Microsoft.Win32.SafeHandles;

namespace RmwCkpt.Memory;

/// <summary>
/// A file or folder in a <see cref="TrustedFolder"/>, reached by that one's descriptor: whatever becomes of the folder's own
/// name, it is that file. No link is followed. Errors name the whole path.
/// </summary>
/// <param name="Name">Parts with slashes between; empty: the folder itself.</param>
public readonly record struct TrustedPath(TrustedFolder Folder, string Name)
{
    /// <summary>Folders in each other, at most, that <see cref="RemoveTree"/> goes into.</summary>
    private const int MostDepth = 16;
    private const int Mode600 = 0x180;

    public static TrustedPath operator /(TrustedPath folder, string name) =>
        folder with { Name = folder.Name.Length == 0 ? name : $"{folder.Name}/{name}" };

    /// <summary>A file beside it, whose name is longer.</summary>
    public static TrustedPath operator +(TrustedPath path, string suffix) => path with { Name = path.Name + suffix };

    /// <summary>Its name in the folder that it is in.</summary>
    public string LastPart => Name[(Name.LastIndexOf('/') + 1)..];

    /// <summary>The folder that it is in.</summary>
    public TrustedPath Parent => this with { Name = Name[..Math.Max(0, Name.LastIndexOf('/'))] };

    /// <summary>As a path from the root, by the name under which the folder was opened.</summary>
    public string FullName => Name.Length == 0 ? Folder.Path : $"{Folder.Path}/{Name}";

    /// <summary>As a path by the folder's descriptor, for libraries that know nothing but paths.</summary>
    public string DescriptorPath => Name.Length == 0 ? Folder.DescriptorPath : $"{Folder.DescriptorPath}/{Name}";

    public override string ToString() => FullName;

    /// <summary>What is there; null: nothing.</summary>
    /// <exception cref="PosixException">It cannot be seen.</exception>
    public FileFacts? Facts
    {
        get
        {
            using var at = new Holder(this);
            var facts = at.Descriptor < 0 ? null : Posix.Facts(at.Descriptor, at.Part);
            return facts is not null || Posix.LastError is Posix.Enoent or Posix.Enotdir ? facts : throw Failed("look at");
        }
    }

    public bool Exists => Facts is not null;

    /// <exception cref="PosixException">As open(2); ELOOP: it is a link.</exception>
    public int Open(int flags, int mode = Mode600)
    {
        var fd = Posix.OpenAt(Folder.Descriptor, Name.Length == 0 ? "." : Name, flags, (flags & Posix.Make) != 0 ? mode : 0);
        return fd >= 0 ? fd : throw Failed("open");
    }

    /// <summary>The folder by a descriptor of its own, for programs that are given that. The caller disposes of it.</summary>
    /// <exception cref="PosixException">As open(2).</exception>
    public TrustedFolder OpenFolder()
    {
        var fd = Open(Posix.ReadOnly | Posix.FolderOnly);
        return TrustedFolder.Below(FullName, fd);
    }

    /// <summary>Makes a file, mode 0600, to read and write; one that is there goes first.</summary>
    /// <exception cref="PosixException">As open(2).</exception>
    public int OpenNew()
    {
        const int Flags = Posix.ReadWrite | Posix.MakeNew;
        var fd = Posix.OpenAt(Folder.Descriptor, Name, Flags, Mode600);
        if (fd < 0 && Posix.LastError == Posix.Eexist)
        {
            Unlink();
            fd = Posix.OpenAt(Folder.Descriptor, Name, Flags, Mode600);
        }
        return fd >= 0 ? fd : throw Failed("open");
    }

    /// <summary>
    /// Opens a file whose content is acted upon, and looks at what was opened: a regular one of ours or root's, which nobody else
    /// can write.
    /// </summary>
    /// <param name="most">Bytes that it may have.</param>
    /// <exception cref="PosixException">As open(2).</exception>
    /// <exception cref="IOException">It is another user's, or no regular file, or larger.</exception>
    public SafeFileHandle OpenTrusted(long most, out long size)
    {
        // Not to wait for the other end of a pipe.
        var fd = Open(Posix.ReadOnly | Posix.NonBlocking);
        var handle = new SafeFileHandle(fd, ownsHandle: true);
        var facts = Posix.Facts(fd);
        size = facts?.Size ?? 0;
        if (facts is { IsFile: true, AnyoneMayWrite: false, GroupMayWrite: false } file
            && (file.Owner == Posix.UserId || file.Owner == 0) && file.Size <= most)
        {
            return handle;
        }
        handle.Dispose();
        throw new IOException(
            $"{FullName} is not to be trusted: user {Users.Describe(facts?.Owner ?? 0)}'s, mode {facts?.Rights}, {size} bytes "
            + $"(at most {most} are expected){(facts?.IsFile == false ? ", no regular file" : "")}");
    }

    /// <summary>All of a file, as <see cref="OpenTrusted"/> opens it.</summary>
    public byte[] ReadAll(int most)
    {
        using var file = OpenTrusted(most, out var size);
        var bytes = new byte[size];
        var read = 0;
        for (int n; read < bytes.Length && (n = RandomAccess.Read(file, bytes.AsSpan(read), read)) > 0;)
        {
            read += n;
        }
        return bytes[..read];
    }

    /// <summary>Makes a file with this content, in place of one that is there; not in one step.</summary>
    public void WriteAll(ReadOnlySpan<byte> bytes)
    {
        using var file = new SafeFileHandle(OpenNew(), ownsHandle: true);
        RandomAccess.Write(file, bytes, 0);
    }

    /// <summary>Makes a folder, and those above it that are missing, mode 0700. False: it was there.</summary>
    /// <exception cref="PosixException">It cannot be made.</exception>
    public bool MakeFolder()
    {
        if (Name.Length == 0)
        {
            return false;
        }
        for (var again = false; ; again = true)
        {
            using var at = new Holder(this);
            if (at.Descriptor >= 0 && Posix.MakeFolderAt(at.Descriptor, at.Part))
            {
                return true;
            }
            if (Posix.LastError == Posix.Eexist)
            {
                return false;
            }
            if (again || Posix.LastError != Posix.Enoent)
            {
                throw Failed("make the folder");
            }
            Parent.MakeFolder();
        }
    }

    /// <summary>Removes a file or link; says whether this call did it (one of many callers wins).</summary>
    public bool Unlink()
    {
        using var at = new Holder(this);
        return at.Descriptor >= 0 && Posix.UnlinkAt(at.Descriptor, at.Part, isFolder: false);
    }

    /// <summary>Gives it another name, in place of what has it; says whether it did.</summary>
    public bool Rename(TrustedPath to) => Rename(to, ifFree: false);

    /// <summary>Gives it its final name unless that is taken; says whether it did.</summary>
    /// <exception cref="PosixException">As rename(2).</exception>
    public bool RenameIfFree(TrustedPath to) =>
        Rename(to, ifFree: true) || (Posix.LastError == Posix.Eexist ? false : throw Failed($"rename to {to}:"));

    /// <summary>As <see cref="Rename(TrustedPath)"/>.</summary>
    /// <exception cref="PosixException">As rename(2).</exception>
    public void MoveTo(TrustedPath to)
    {
        if (!Rename(to))
        {
            throw Failed($"rename to {to}:");
        }
    }

    private bool Rename(TrustedPath to, bool ifFree)
    {
        using var at = new Holder(this);
        using var there = new Holder(to);
        return at.Descriptor >= 0 && there.Descriptor >= 0
            && Posix.RenameAt(at.Descriptor, at.Part, there.Descriptor, there.Part, ifFree);
    }

    /// <summary>The names of what is in the folder, in no order; none if it is not there.</summary>
    /// <exception cref="PosixException">It cannot be read, or is no folder.</exception>
    public IReadOnlyList<string> Names()
    {
        var fd = Posix.OpenAt(Folder.Descriptor, Name.Length == 0 ? "." : Name, Posix.ReadOnly | Posix.FolderOnly);
        return fd >= 0 ? Posix.Names(fd, FullName)
            : Posix.LastError == Posix.Enoent ? []
            : throw Failed("read the folder");
    }

    /// <summary>The folders, or the files, in a folder.</summary>
    public IEnumerable<TrustedPath> Children(bool folders)
    {
        var at = this;
        return Names().Select(x => at / x).Where(x => x.Facts is { } facts && facts.IsFolder == folders && !facts.IsLink);
    }

    /// <summary>Bytes of the files in a folder and below it; what goes meanwhile does not count.</summary>
    /// <exception cref="PosixException">As <see cref="Names"/>'.</exception>
    public long Bytes()
    {
        var bytes = 0L;
        foreach (var name in Names())
        {
            var file = this / name;
            bytes += file.Facts is not { } facts ? 0 : facts is { IsFolder: true, IsLink: false } ? file.Bytes() : facts.Size;
        }
        return bytes;
    }

    /// <summary>Brings a file or a folder to the disk.</summary>
    public void Sync()
    {
        var fd = Open(Posix.ReadOnly);
        try
        {
            Posix.Sync(fd, FullName);
        }
        finally
        {
            Posix.Close(fd);
        }
    }

    /// <summary>
    /// Removes a file, or a folder with all that is in it: links themselves, never what they lead to. False: there is none.
    /// </summary>
    /// <exception cref="PosixException">Something cannot be removed, or is being added to.</exception>
    public bool RemoveTree()
    {
        using var at = new Holder(this);
        return at.Descriptor >= 0 && Remove(at.Descriptor, at.Part, FullName, MostDepth);
    }

    private static bool Remove(int at, string part, string path, int depth)
    {
        if (Posix.UnlinkAt(at, part, isFolder: false))
        {
            return true;
        }
        if (Posix.LastError == Posix.Enoent)
        {
            return false;
        }
        var fd = depth > 0 ? Posix.OpenAt(at, part, Posix.ReadOnly | Posix.FolderOnly) : -1;
        if (fd < 0)
        {
            throw new PosixException(depth > 0 ? Posix.LastError : Posix.Eloop, $"remove {path}");
        }
        try
        {
            foreach (var name in Posix.Names(Posix.OpenAgain(fd), path))
            {
                Remove(fd, name, $"{path}/{name}", depth - 1);
            }
        }
        finally
        {
            Posix.Close(fd);
        }
        return Posix.UnlinkAt(at, part, isFolder: true) || (Posix.LastError == Posix.Enoent
            ? false
            : throw new PosixException(Posix.LastError, $"remove {path}"));
    }

    private PosixException Failed(string what) => new(Posix.LastError, $"{what} {FullName}");

    /// <summary>The folder that something is in, opened; -1 with errno. Dispose keeps errno.</summary>
    private readonly ref struct Holder
    {
        private readonly int _kept;

        public Holder(TrustedPath path)
        {
            var slash = path.Name.LastIndexOf('/');
            Part = path.Name[(slash + 1)..];
            _kept = path.Folder.Descriptor;
            Descriptor = slash < 0
                ? _kept
                : Posix.OpenAt(_kept, path.Name[..slash], Posix.PathOnly | Posix.FolderOnly);
        }

        /// <summary>Its name in there.</summary>
        public string Part { get; }

        public int Descriptor { get; }

        public void Dispose()
        {
            if (Descriptor >= 0 && Descriptor != _kept)
            {
                var error = Posix.LastError;
                Posix.Close(Descriptor);
                Posix.LastError = error;
            }
        }
    }
}
