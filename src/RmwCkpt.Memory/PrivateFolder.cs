namespace RmwCkpt.Memory;

/// <summary>Folders that only their owner may enter.</summary>
public static class PrivateFolder
{
    /// <summary>Makes a folder, and its parents that are missing, with mode 0700. False: it was there.</summary>
    /// <exception cref="PosixException">It cannot be made.</exception>
    public static bool Make(string folder)
    {
        var error = Posix.MakeFolder(folder);
        if (error == Posix.Enoent && Path.GetDirectoryName(folder) is { Length: > 0 } parent)
        {
            Make(parent);
            error = Posix.MakeFolder(folder);
        }
        return error switch
        {
            0 => true,
            Posix.Eexist => false,
            _ => throw new PosixException(error, $"make the folder {folder}"),
        };
    }
}
