using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Sessions;

/// <summary>
/// The page by which the master orders snapshots by fork of this process (<see cref="SnapshotPage"/>). It stays mapped for
/// good: a thread that is not .NET's sleeps on it, and children that sleep have it.
/// </summary>
internal sealed class SnapshotPlace(Session session)
{
    private readonly object _gate = new();
    private Mapping? _page;

    private TrustedPath Path => session.Folder.SnapshotPage(session.ProcessId);

    /// <summary>Where it is; 0: this process' environment does not ask for engine fork.</summary>
    /// <exception cref="IOException">There is no room for it.</exception>
    public nint PageAddress()
    {
        if (Policy.FromEnvironment(Settings.OfProcess).Engine != EnginePolicy.Fork)
        {
            return 0;
        }
        lock (_gate)
        {
            if (_page is null)
            {
                EndFormer();
                _page = Mapping.Create(Path, SnapshotPage.FileSize);
            }
            return _page.View.Address;
        }
    }

    /// <summary>The run folder was made again: no snapshot that was taken before can be found by its new master.</summary>
    /// <exception cref="IOException">As <see cref="PageAddress"/>; it can be tried again.</exception>
    public void Remake()
    {
        lock (_gate)
        {
            if (_page is null || _page.Is(Path))
            {
                return;
            }
            SnapshotPage.End(_page.View);
            _page.Remake(Path, page => page.Write(SnapshotPage.Over, 0));
        }
    }

    /// <summary>The child of an incarnation that has ended since, if there is one: this one began anew.</summary>
    private void EndFormer()
    {
        if (Path.Exists)
        {
            using var former = Mapping.Open(Path);
            SnapshotPage.End(former.View);
        }
    }
}
