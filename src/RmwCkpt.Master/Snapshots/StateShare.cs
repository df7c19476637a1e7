using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Snapshots;

/// <summary>
/// A state folder may be several masters', each with a run folder of its own: those of containers that share a home. Each holds
/// a shared lock on a file there; only who is alone removes what he does not know.
/// </summary>
internal sealed class StateShare : IDisposable
{
    private readonly int _file = -1;

    /// <summary>Where there is no state folder, nobody is alone in it.</summary>
    public StateShare(RunFolder folder)
    {
        if (folder.Snapshots is not { } snapshots)
        {
            return;
        }
        try
        {
            _file = (snapshots + ".lock").Open(Posix.ReadWrite | Posix.Make);
            Posix.LockShared(_file);
        }
        catch (IOException)
        {
            // It is optional, and where it fails snapshots say so.
        }
    }

    /// <summary>Whether no other master uses it now.</summary>
    public bool IsAlone
    {
        get
        {
            var alone = _file >= 0 && Posix.Lock(_file, wait: false);
            if (_file >= 0)
            {
                Posix.LockShared(_file);
            }
            return alone;
        }
    }

    public void Dispose()
    {
        if (_file >= 0)
        {
            Posix.Close(_file);
        }
    }
}
