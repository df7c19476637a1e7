namespace RmwCkpt.Memory;

/// <summary>
/// A private folder, held by its descriptor. How it is found is the <see cref="FolderWalk"/>'s: no other user can have put it
/// there, or put another in its place. From then on its name does not matter: what is in it is reached by the descriptor, as
/// <see cref="TrustedPath"/>s. Thread-safe, but for Dispose.
/// </summary>
public sealed class TrustedFolder : IDisposable
{
    private readonly string _asked;
    private readonly string _remedy;

    private TrustedFolder(string asked, string remedy, string path, int descriptor) => (_asked, _remedy, Path, Descriptor, Id) =
        (asked, remedy, path, descriptor, Posix.Facts(descriptor)?.Id ?? throw new PosixException(Posix.LastError, $"look at {path}"));

    /// <summary>Its path, of which no part is a link, when it was opened: for messages, and for programs that want a name.</summary>
    public string Path { get; private set; }

    public int Descriptor { get; private set; }

    /// <summary>What tells it from all other folders that there are.</summary>
    public (uint Major, uint Minor, ulong Inode) Id { get; private set; }

    /// <summary>The folder itself.</summary>
    public TrustedPath Root => new(this, "");

    /// <summary>Its own descriptor as a path, for libraries and programs that know nothing but paths; in this process.</summary>
    public string DescriptorPath => $"/proc/self/fd/{Descriptor}";

    /// <summary>Opens a folder of ours of mode 0700.</summary>
    /// <param name="path">Absolute.</param>
    /// <param name="make">Makes it and what is missing above it, mode 0700.</param>
    /// <param name="remedy">What else its user can do, for messages: "set X to a folder of your own".</param>
    /// <exception cref="PosixException">It is not there, or cannot be opened or made.</exception>
    /// <exception cref="IOException">Others could change it, or what leads to it; the message says what and what to do.</exception>
    public static TrustedFolder Open(string path, bool make, string remedy)
    {
        var walk = new FolderWalk(path, remedy);
        var fd = walk.Open(make);
        return new TrustedFolder(path, remedy, walk.Reached, fd);
    }

    /// <summary>One that was opened in a trusted one. Takes over the descriptor.</summary>
    internal static TrustedFolder Below(string path, int descriptor) => new(path, "", path, descriptor);

    /// <summary>
    /// Gives the descriptor a high number, out of the way of the program's own; lower where the limit of descriptors is low.
    /// Not while others use it.
    /// </summary>
    public void MoveDescriptor(int least)
    {
        var fd = Posix.Renumber(Descriptor, (int)Math.Max(3, Math.Min(least, Posix.DescriptorLimit() - 64)));
        Descriptor = fd >= 0 ? fd : Descriptor;
    }

    /// <summary>
    /// Where its path leads to another folder by now, or to none, as when somebody has removed it: from here on it is the one
    /// that is there, made if need be, under the same descriptor, and all paths in it lead there. False: it was the same.
    /// </summary>
    /// <param name="remedy">As <see cref="Open"/>'s.</param>
    /// <exception cref="IOException">As <see cref="Open"/>'s; nothing is changed.</exception>
    public bool Renew(string remedy)
    {
        using var there = Open(_asked, make: true, remedy);
        if (there.Id == Id)
        {
            return false;
        }
        if (!Posix.ReplaceDescriptor(there.Descriptor, Descriptor))
        {
            throw new PosixException(Posix.LastError, $"open {Path} again");
        }
        (Id, Path) = (there.Id, there.Path);
        return true;
    }

    /// <summary>As <see cref="Renew"/>, but only where nothing can be made in it any more, for it was removed.</summary>
    /// <exception cref="IOException">As <see cref="Open"/>'s; nothing is changed.</exception>
    public void RenewIfRemoved()
    {
        if (Posix.IsRemoved(Descriptor))
        {
            Renew("remove it");
        }
    }

    /// <summary>Whether its path leads to it still.</summary>
    public bool IsInPlace
    {
        get
        {
            try
            {
                using var there = Open(_asked, make: false, "");
                return there.Id == Id;
            }
            catch (IOException)
            {
                return false;
            }
        }
    }

    /// <summary>Why its path is not gone by: others could change what it leads to. Null: that is it, or another of ours, or nothing.</summary>
    public string? WhyBarred
    {
        get
        {
            try
            {
                Open(_asked, make: false, _remedy).Dispose();
                return null;
            }
            catch (IOException e)
            {
                return e is PosixException { Errno: Posix.Enoent } ? null : e.Message;
            }
        }
    }

    public void Dispose()
    {
        if (Descriptor >= 0)
        {
            Posix.Close(Descriptor);
            Descriptor = -1;
        }
    }
}
