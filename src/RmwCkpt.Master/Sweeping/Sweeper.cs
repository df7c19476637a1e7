using System.Globalization;
using Microsoft.Extensions.Logging;
using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Hosting;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Sweeping;

/// <summary>
/// Removes what processes and destroyed endpoints leave behind: journal and images soon, logs once nobody can need them
/// (see <see cref="OrphanedLogs"/>). Thread-safe.
/// </summary>
internal sealed class Sweeper
{
    private const int Patience = 2000;

    /// <summary>With more processes than this, slots are more needed than what was left in those of processes long gone.</summary>
    private const int Crowded = ProcessTable.Slots * 3 / 4;

    private readonly object _gate = new();
    private readonly RunFolder _folder;
    private readonly ProcessRegistry _registry;
    private readonly SnapshotStore _store;
    private readonly StateShare _state;
    private readonly ILogger _log;
    private readonly OrphanedLogs _logs;
    private readonly Func<long> _leftLimit;
    private readonly List<Departure> _departures = [];
    private readonly List<Gid> _destroyed = [];
    private readonly FolderWatch _watch;
    private bool _sweptUnknown;

    public Sweeper(
        RunFolder folder, FolderWatch watch, ProcessRegistry registry, SnapshotStore store, StateShare state, EngineChoice engine,
        Func<long> leftLimit, ILogger log)
    {
        (_folder, _watch, _registry, _store, _state, _log) = (folder, watch, registry, store, state, log);
        _leftLimit = leftLimit;
        _logs = new OrphanedLogs(folder, registry, engine, Remove, log);
    }

    /// <summary>A process has left.</summary>
    public void Add(Member member)
    {
        if (member.Entry.State != ProcessState.Exited)
        {
            // Failed: it may be told to recover. What it has stays until a node of its name takes its place.
            return;
        }
        lock (_gate)
        {
            if (_departures.All(d => d.Member != member))
            {
                _departures.Add(new Departure(member, Clock.Steady));
            }
        }
    }

    /// <summary>Endpoints were destroyed.</summary>
    public void Add(IEnumerable<Gid> destroyed)
    {
        lock (_gate)
        {
            _destroyed.AddRange(destroyed);
        }
    }

    /// <summary>A node was registered: a process that stays down and had one of that name has been replaced.</summary>
    public void Replace(Member by)
    {
        var down = _registry.Members.Where(m => m != by && m.Entry.State == ProcessState.Failed).ToList();
        if (down.Count == 0)
        {
            return;
        }
        var names = _registry.Look(() => by.Entry.NodeNames.ToHashSet());
        foreach (var old in down)
        {
            if (_registry.Look(() => old.Entry.NodeNames.Any(names.Contains)))
            {
                _registry.MarkExited(old);
                Add(old);
            }
        }
    }

    /// <summary>
    /// Removes what belongs to processes that the registry does not know, once nobody lives who may be one of them; finds
    /// what destroyed endpoints left. Logs are looked at first: somebody may still read what is there.
    /// </summary>
    private void SweepUnknown()
    {
        if (_sweptUnknown || _registry.HasStrangers)
        {
            return;
        }
        _sweptUnknown = true;
        var known = _registry.Members.Select(m => m.Id).ToHashSet();
        foreach (var path in _folder.Processes.Children(folders: true))
        {
            if (!ulong.TryParse(path.LastPart, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var id)
                || !known.Contains(id))
            {
                Remove(path);
            }
        }
        foreach (var path in _folder.Logs.Children(folders: true))
        {
            if (Gid.TryParse(path.LastPart, out var log))
            {
                Add([log]);
            }
            else
            {
                Remove(path);
            }
        }
        _store.RemoveUnknown(known.Contains, _state.IsAlone);
    }

    /// <summary>What is due is removed; nothing, where the run folder is another's by now.</summary>
    /// <param name="now">On the monotonic clock, ns.</param>
    public void Sweep(long now)
    {
        lock (_logs)
        {
            if (_watch.WhyLost is null)
            {
                SweepDue(now);
            }
        }
    }

    private void SweepDue(long now)
    {
        try
        {
            SweepUnknown();
            List<Departure> due;
            List<Gid> destroyed;
            lock (_gate)
            {
                destroyed = [.. _destroyed];
                _destroyed.Clear();
                due = [.. _departures.Where(d => now - d.When >= Patience * Clock.Millisecond)];
            }
            destroyed.ForEach(_logs.Add);
            due.ForEach(SweepOwn);
            _logs.Sweep();
            GiveUpWhereCrowded(due);
            _logs.GiveUpBeyond(_leftLimit());
            Forget([.. due.Where(d => d.OwnSwept && _logs.Count(d.Member.Id) == 0)]);
        }
        catch (Exception e)
        {
            _log.Unexpected("sweeping", e);
        }
    }

    private void SweepOwn(Departure departure)
    {
        var member = departure.Member;
        if (departure.OwnSwept)
        {
            return;
        }
        foreach (var name in _folder.Logs.Names().Where(x => x.StartsWith(ProcessRegistry.LogPrefix(member.Id), StringComparison.Ordinal)))
        {
            if (Gid.TryParse(name, out var log))
            {
                _logs.Add(log);
            }
        }
        try
        {
            _store.RemoveAll(member.Id);
            Remove(_folder.Process(member.Id));
            departure.OwnSwept = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A snapshot of it may just be moved: the next time.
            _log.NotSwept(member.Entry.Record.Folder, e.Message);
        }
    }

    private void GiveUpWhereCrowded(List<Departure> due)
    {
        var surplus = _registry.Members.Count - Crowded;
        foreach (var departure in due.OrderBy(d => d.When).Take(Math.Max(0, surplus)))
        {
            _log.LogsGivenUp(departure.Member.ToString());
            _logs.GiveUp(departure.Member.Id);
        }
    }

    /// <summary>Of processes that have nothing left the slots may be others', which have read none of what they read.</summary>
    private void Forget(List<Departure> departures)
    {
        if (departures.Count == 0)
        {
            return;
        }
        foreach (var path in _folder.Logs.Children(folders: true))
        {
            ForgetReaders(path, departures);
        }
        lock (_gate)
        {
            departures.ForEach(d => _departures.Remove(d));
        }
        departures.ForEach(d => _registry.Forget(d.Member));
    }

    private static void ForgetReaders(TrustedPath log, List<Departure> departures)
    {
        try
        {
            using var head = LogHead.Open(log);
            departures.ForEach(d => head.ForgetReader(d.Member.SlotIndex));
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            // It has just gone, or nobody can read it.
        }
    }

    private void Remove(TrustedPath path)
    {
        try
        {
            if (path.RemoveTree())
            {
                _log.Swept(path.FullName);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.NotSwept(path.FullName, e.Message);
        }
    }

    private sealed class Departure(Member member, long when)
    {
        public Member Member { get; } = member;

        public long When { get; } = when;

        public bool OwnSwept { get; set; }
    }
}
