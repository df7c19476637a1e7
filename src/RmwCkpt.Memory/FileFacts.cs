namespace RmwCkpt.Memory;

/// <summary>What the kernel says of a file or folder, and never what a name says.</summary>
/// <param name="Id">Device and inode: what tells it from all others that there are.</param>
/// <param name="Mode">Its kind and its rights, as of stat(2).</param>
/// <param name="Size">Bytes.</param>
/// <param name="Changed">When its content or anything else of it was last changed, ns since the epoch.</param>
/// <param name="IsMountRoot">Something is mounted here. False too where the kernel does not tell.</param>
public readonly record struct FileFacts(
    (uint Major, uint Minor, ulong Inode) Id, uint Owner, uint Group, int Mode, long Size, long Changed, bool IsMountRoot)
{
    private const int Sticky = 0x200;
    private const int GroupWrites = 0x10;
    private const int OthersWrite = 0x2;

    public bool IsFolder => (Mode & 0xf000) == 0x4000;

    public bool IsFile => (Mode & 0xf000) == 0x8000;

    public bool IsLink => (Mode & 0xf000) == 0xa000;

    /// <summary>Nobody but its owner and root can enter or read it.</summary>
    public bool IsPrivate => (Mode & 0x3f) == 0;

    /// <summary>Only owners can rename and remove what is in it.</summary>
    public bool IsSticky => (Mode & Sticky) != 0;

    public bool GroupMayWrite => (Mode & GroupWrites) != 0;

    public bool AnyoneMayWrite => (Mode & OthersWrite) != 0;

    /// <summary>Its rights as chmod(1) has them: 0700.</summary>
    public string Rights => Convert.ToString(Mode & 0xfff, 8).PadLeft(4, '0');
}
