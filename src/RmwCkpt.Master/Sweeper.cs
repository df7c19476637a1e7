using System.Globalization;
using Microsoft.Extensions.Logging;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Registry;

namespace RmwCkpt.Master;

/// <summary>
/// Removes what processes leave behind, once nobody can need it: a process that left has messages in its logs that others
/// may read again when they recover, so its logs stay until each of those has two newer snapshots or is gone.
/// </summary>
internal sealed class Sweeper : IDisposable
{
    private const int Patience = 2000;
    private const int Lingering = 10_000;
    private readonly object _gate = new();
    private readonly RunFolder _folder;
    private readonly ProcessRegistry _registry;
    private readonly SnapshotStore _store;
    private readonly ILogger _log;
    private readonly EngineChoice _engine;
    private readonly List<Departure> _departures = [];
    private readonly Timer _timer;

    public Sweeper(RunFolder folder, ProcessRegistry registry, SnapshotStore store, EngineChoice engine, ILogger log)
    {
        (_folder, _registry, _store, _log) = (folder, registry, store, log);
        _engine = engine;
        _timer = new Timer(_ => Sweep(Clock.Steady), null, Timeout.Infinite, Timeout.Infinite);
    }

    public void Start() => _timer.Change(Patience, Patience);

    /// <summary>A process has left.</summary>
    public void Add(Member member)
    {
        if (member.Entry.State != ProcessState.Left)
        {
            // Final: it may be told to recover. What it has stays until a node of its name takes its place.
            return;
        }
        var readers = _registry.Members
            .Where(m => m != member && m.Entry.IsVisible)
            .ToDictionary(m => m.Id, m => m.LastNumber);
        lock (_gate)
        {
            if (_departures.All(d => d.Member != member))
            {
                _departures.Add(new Departure(member, Clock.Steady, readers));
            }
        }
    }

    /// <summary>A node was registered: a process that stays down and had one of that name has been replaced.</summary>
    public void Replace(Member by)
    {
        var names = _registry.Look(() => by.Entry.NodeNames.ToHashSet());
        foreach (var old in _registry.Members)
        {
            if (old != by && old.Entry.State == ProcessState.Final
                && _registry.Look(() => old.Entry.NodeNames.Any(names.Contains)))
            {
                _registry.MarkLeft(old);
                Add(old);
            }
        }
    }

    /// <summary>Removes what belongs to processes that the registry does not know.</summary>
    public void SweepUnknown()
    {
        var known = _registry.Members.Select(m => m.Id).ToHashSet();
        var prefixes = known.Select(ProcessRegistry.LogPrefix).ToHashSet();
        foreach (var path in Directory.EnumerateDirectories(_folder.Processes))
        {
            if (!ulong.TryParse(Path.GetFileName(path), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var id)
                || !known.Contains(id))
            {
                Remove(path);
            }
        }
        foreach (var path in Directory.EnumerateDirectories(_folder.Logs))
        {
            var name = Path.GetFileName(path);
            if (name.Length < 16 || !prefixes.Contains(name[..16]))
            {
                Remove(path);
            }
        }
        _store.RemoveLeftovers(known.Contains);
    }

    public void Dispose() => _timer.Dispose();

    internal void Sweep(long now)
    {
        try
        {
            List<Departure> due;
            lock (_gate)
            {
                due = [.. _departures.Where(d => now - d.When >= Patience * Clock.Millisecond)];
            }
            foreach (var departure in due)
            {
                Sweep(departure);
            }
        }
        catch (Exception e)
        {
            _log.Unexpected("sweeping", e);
        }
    }

    private void Sweep(Departure departure)
    {
        var member = departure.Member;
        // It says that it leaves before it does, and some go on without ROS for long.
        if (Clock.Steady - departure.When < Lingering * Clock.Millisecond && _registry.IsAlive(member))
        {
            return;
        }
        if (!departure.OwnSwept)
        {
            departure.OwnSwept = true;
            Remove(member.Entry.Record.Folder);
            _store.RemoveAll(member.Id);
        }
        if (departure.Readers.Any(IsNeeded))
        {
            return;
        }
        foreach (var path in Directory.EnumerateDirectories(_folder.Logs, ProcessRegistry.LogPrefix(member.Id) + "*"))
        {
            Remove(path);
        }
        lock (_gate)
        {
            _departures.Remove(departure);
        }
        _registry.Forget(member);
    }

    private bool IsNeeded(KeyValuePair<ulong, uint> reader) =>
        _registry.Find(reader.Key) is { } member
        && member.Entry.State != ProcessState.Left
        && !(_engine.HasImages && member.LastNumber >= reader.Value + SnapshotStore.Kept);

    private void Remove(string path)
    {
        try
        {
            if (Directory.Exists(path))
            {
                Directory.Delete(path, recursive: true);
                _log.Swept(path);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.NotSwept(path, e.Message);
        }
    }

    private sealed class Departure(Member member, long when, Dictionary<ulong, uint> readers)
    {
        public Member Member { get; } = member;

        public long When { get; } = when;

        /// <summary>Who was alive then, and the number of its newest snapshot.</summary>
        public Dictionary<ulong, uint> Readers { get; } = readers;

        public bool OwnSwept { get; set; }
    }
}
