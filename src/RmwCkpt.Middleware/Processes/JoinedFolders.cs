using RmwCkpt.Domain;

namespace RmwCkpt.Middleware.Processes;

/// <summary>
/// The run folders that this process has joined. Each is held by one descriptor as long as the process lives: all that it then
/// does in there goes by that. Thread-safe.
/// </summary>
internal sealed class JoinedFolders
{
    /// <summary>
    /// A descriptor from here on holds a run folder: out of the way of the program's own, and below what select(2) can have.
    /// </summary>
    private const int LeastDescriptor = 700;

    private readonly object _lock = new();
    private readonly Dictionary<string, RunFolder> _all = [];

    /// <summary>
    /// Makes the folders that are missing, checks them and all above them, and holds the run folder. What is returned is the one
    /// that was joined before, if it is there still.
    /// </summary>
    /// <exception cref="IOException">As <see cref="RunFolder.Ensure"/>'s.</exception>
    public RunFolder Join(RunFolder folder)
    {
        folder.Ensure();
        lock (_lock)
        {
            if (_all.TryGetValue(folder.Run, out var joined) && joined.Folder.Id == folder.Folder.Id)
            {
                folder.Dispose();
                return joined;
            }
            // The one that was there under this path has been removed; who is still in it keeps it.
            folder.Folder.MoveDescriptor(LeastDescriptor);
            return _all[folder.Run] = folder;
        }
    }
}
