using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>
/// A file that is made whole under another name and then given its own, never over one that is there: that one was made by a
/// previous incarnation of this process, which has been rolled back to somewhere in the middle of this, and it is the same.
/// </summary>
internal static class NewFile
{
    /// <summary>Makes it; null: it is there.</summary>
    /// <param name="spare">A file of the same length that nobody needs, to use again; or null.</param>
    /// <param name="fill">Writes what is not zero.</param>
    /// <exception cref="PosixException">ENOSPC and the like; nothing is left behind.</exception>
    public static Mapping? Make(TrustedPath path, int length, TrustedPath? spare, Action<Region> fill)
    {
        for (var again = false; ; again = true)
        {
            try
            {
                return TryMake(path, length, spare, fill);
            }
            catch (PosixException e) when (e.Errno == Posix.Enoent && (!again || path.Exists))
            {
                // The previous incarnation has given it its name; it may have had no more need of it since.
                if (path.Exists)
                {
                    return null;
                }
                // Or somebody has removed the folder; its owner goes on in another of its name.
                path.Folder.RenewIfRemoved();
                path.Parent.MakeFolder();
            }
        }
    }

    private static Mapping? TryMake(TrustedPath path, int length, TrustedPath? spare, Action<Region> fill)
    {
        var temporary = path + ".new";
        Mapping? file = null;
        var isMade = false;
        try
        {
            file = spare?.Rename(temporary) == true ? Clear(temporary) : Mapping.Create(temporary, length);
            fill(file.View);
            isMade = temporary.RenameIfFree(path);
            return isMade ? file : null;
        }
        finally
        {
            if (!isMade)
            {
                file?.Dispose();
                temporary.Unlink();
            }
        }
    }

    private static Mapping Clear(TrustedPath path)
    {
        var file = Mapping.Open(path, populate: true);
        file.View.Clear(0, file.View.Length);
        return file;
    }
}
