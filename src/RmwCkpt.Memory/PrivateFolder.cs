namespace RmwCkpt.Memory;

/// <summary>Folders that only their owner may enter.</summary>
public static class PrivateFolder
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Makes a folder, and its parents that are missing, with mode 0700.</summary>
    public static void Make(string folder)
    {
        if (Directory.Exists(folder))
        {
            return;
        }
        if (Path.GetDirectoryName(folder) is { Length: > 0 } parent)
        {
            Make(parent);
        }
        Directory.CreateDirectory(folder, Mode);
    }
}
