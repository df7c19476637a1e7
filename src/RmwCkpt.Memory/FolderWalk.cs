namespace RmwCkpt.Memory;

/// <summary>
/// Goes from the root to a folder by descriptors, and looks at each folder on the way: it is this user's or root's, and nobody
/// else can write to it, or it is sticky, as /tmp is, so that nobody else can put another in the place of what is ours. So what
/// was looked at is what is opened, and no other user can change what the path leads to. A link is followed where it and the
/// folder in which it lies are this user's or root's, and nobody else can write there.
/// </summary>
/// <param name="remedy">What to do if the folder cannot be used, for messages.</param>
internal sealed class FolderWalk(string path, string remedy)
{
    private const int MostLinks = 40;

    /// <summary>How the kernel calls users who are not of this user namespace.</summary>
    private static readonly Lazy<uint?> s_stranger = new(ReadStranger);

    /// <summary>Where it is, without links.</summary>
    public string Reached { get; private set; } = "/";

    private FileFacts _facts;

    /// <summary>A descriptor of the folder, which is ours and private.</summary>
    /// <param name="make">Makes what is missing, mode 0700.</param>
    /// <exception cref="IOException">It is not there, or not to be trusted.</exception>
    public int Open(bool make)
    {
        var at = Begin();
        try
        {
            var parts = new Stack<string>();
            Push(parts, path);
            for (var links = 0; parts.TryPop(out var part);)
            {
                var next = OpenPart(at, part, make);
                var facts = Posix.Facts(next) ?? throw Failed(Posix.LastError, "look at", Join(part));
                if (facts.IsLink)
                {
                    var target = Follow(next, facts, part);
                    if (++links > MostLinks)
                    {
                        throw Failed(Posix.Eloop, "open", path);
                    }
                    Push(parts, target);
                    if (target.StartsWith('/'))
                    {
                        Posix.Close(at);
                        at = -1;
                        at = Begin();
                    }
                    continue;
                }
                Posix.Close(at);
                at = next;
                Arrive(at, facts, Join(part));
            }
            CheckOwn();
            var fd = Posix.OpenAgain(at);
            return fd >= 0 ? fd : throw Failed(Posix.LastError, "open", path);
        }
        finally
        {
            Posix.Close(at);
        }
    }

    private int Begin()
    {
        var root = Posix.OpenRoot();
        if (root < 0 || Posix.Facts(root) is not { } facts)
        {
            throw Failed(Posix.LastError, "open", "/");
        }
        Arrive(root, facts, "/");
        return root;
    }

    private static void Push(Stack<string> parts, string path)
    {
        foreach (var part in path.Split('/').Reverse())
        {
            if (part is not ("" or "."))
            {
                parts.Push(part);
            }
        }
    }

    private int OpenPart(int at, string part, bool make)
    {
        var next = Posix.OpenPart(at, part);
        if (next < 0 && Posix.LastError == Posix.Enoent && make)
        {
            if (!Posix.MakeFolderAt(at, part) && Posix.LastError != Posix.Eexist)
            {
                throw Failed(Posix.LastError, "make the folder", Join(part));
            }
            next = Posix.OpenPart(at, part);
        }
        return next >= 0 ? next : throw Failed(Posix.LastError, "open", Join(part));
    }

    private string Follow(int link, in FileFacts facts, string part)
    {
        try
        {
            if (!IsOurs(facts) || _facts.AnyoneMayWrite || _facts.GroupMayWrite)
            {
                throw new IOException(
                    $"{Join(part)} is a link of user {Users.Describe(facts.Owner)}, in a folder of user {Users.Describe(_facts.Owner)} "
                    + $"of mode {_facts.Rights}: it is followed only where nobody else can put another in its place; {remedy}");
            }
            return Posix.LinkTarget(link) ?? throw Failed(Posix.LastError, "follow the link", Join(part));
        }
        finally
        {
            Posix.Close(link);
        }
    }

    private void Arrive(int fd, in FileFacts facts, string name)
    {
        (Reached, _facts) = (name, facts);
        if (!facts.IsFolder)
        {
            throw new IOException($"{name} is no folder (it belongs to user {Users.Describe(facts.Owner)}); {remedy}");
        }
        if (!IsOurs(facts))
        {
            throw new IOException(
                $"{name} belongs to user {Users.Describe(facts.Owner)} (mode {facts.Rights}), who could read and change what user "
                + $"{Users.Describe(Posix.UserId)} has in it: have its owner or root remove it, or {remedy}");
        }
        var isWritten = facts.AnyoneMayWrite
            || (facts.GroupMayWrite && (!Users.IsPrivateGroup(facts.Group, facts.Owner) || Posix.HasAccessList(fd)));
        if (isWritten && !facts.IsSticky)
        {
            throw new IOException(
                $"others may write to {name} (user {Users.Describe(facts.Owner)}'s, mode {facts.Rights}), and so change what is in "
                + $"it: chmod go-w {name}, or {remedy}");
        }
    }

    /// <summary>The last one.</summary>
    private void CheckOwn()
    {
        if (_facts.Owner != Posix.UserId)
        {
            throw new IOException(
                $"{Reached} belongs to user {Users.Describe(_facts.Owner)} (mode {_facts.Rights}), not to user "
                + $"{Users.Describe(Posix.UserId)}: have it removed, or {remedy}");
        }
        if (!_facts.IsPrivate)
        {
            throw new IOException(
                $"{Reached} is open to other users (mode {_facts.Rights}): chmod 700 {Reached}, or {remedy}");
        }
    }

    private static bool IsOurs(in FileFacts facts) =>
        facts.Owner == Posix.UserId || facts.Owner == 0 || (facts.IsMountRoot && facts.Owner == s_stranger.Value);

    private string Join(string part) => part == ".." ? Path.GetDirectoryName(Reached) ?? "/" : Path.Combine(Reached, part);

    private PosixException Failed(int error, string what, string name) =>
        new(error, error == Posix.Enoent ? $"{what} {name}" : $"{what} {name} ({remedy})");

    /// <summary>
    /// In a user namespace root of the host has no number of its own, and yet it is root who has mounted the file systems.
    /// Null: everybody has one.
    /// </summary>
    private static uint? ReadStranger()
    {
        try
        {
            var map = File.ReadAllText("/proc/self/uid_map").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            return map is ["0", "0", "4294967295"]
                ? null
                : uint.Parse(File.ReadAllText("/proc/sys/kernel/overflowuid"), System.Globalization.CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return null;
        }
    }
}
