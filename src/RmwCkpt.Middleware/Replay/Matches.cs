using RmwCkpt.Domain;

namespace RmwCkpt.Middleware.Replay;

/// <summary>
/// Where endpoints of a former life began to read logs. This life's get them when they are there, and look for none of their
/// own before. Under the gate.
/// </summary>
internal sealed class Matches(IReplayed session)
{
    private readonly List<(uint Entity, Gid Log, long First)> _pending = [];

    public void Add(uint entity, Gid log, long first) => _pending.Add((entity, log, first));

    /// <summary>Gives those that can be given.</summary>
    public void Give()
    {
        if (_pending.Count > 0)
        {
            _pending.RemoveAll(x => session.ReplayMatch(x.Entity, x.Log, x.First));
        }
    }
}
