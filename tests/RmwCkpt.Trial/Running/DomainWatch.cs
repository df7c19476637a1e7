using System.Text;
using System.Text.RegularExpressions;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Memory;

namespace RmwCkpt.Trial.Running;

/// <summary>Looks into a trial's domain: process table, graph and master.</summary>
public sealed partial class DomainWatch(RunFolder folder, CancellationToken cancel) : IDisposable
{
    private readonly RegistryClient _registry = new(folder);
    private ProcessTable? _table;
    private GraphTable? _graph;

    public RunFolder Folder => folder;

    /// <summary>Looks every <paramref name="period"/> ms, at most for <paramref name="patience"/>; says whether it came true.</summary>
    /// <param name="whose">
    /// The process id of who is to do it, if that is one: time in which the machine does not let it run counts only after three
    /// times as long, for a node may need seconds of processor time, and get a fiftieth of one.
    /// </param>
    public bool WaitFor(Func<bool> condition, TimeSpan patience, int period = 1, Func<int>? whose = null)
    {
        var longest = patience.TotalSeconds * 1e9;
        var withheld = new WithheldTime();
        for (var begun = Posix.Now(Posix.MonotonicClock); !condition();)
        {
            if (whose is not null)
            {
                withheld.Sample(whose());
            }
            var waited = Posix.Now(Posix.MonotonicClock) - begun;
            if (waited - withheld.Sum > longest || waited > 3 * longest)
            {
                return false;
            }
            cancel.ThrowIfCancellationRequested();
            Thread.Sleep(period);
        }
        return true;
    }

    /// <summary>Whether the process has joined the domain.</summary>
    public bool HasJoined(NodeProcess node)
    {
        if (_table is null)
        {
            if (!Directory.Exists(folder.Run) || folder.Table.Facts?.Size != ProcessTable.FileSize)
            {
                return false;
            }
            _table = ProcessTable.Open(folder, make: false);
        }
        return node.FindSlot(_table);
    }

    /// <summary>Whether the graph has an endpoint of a topic.</summary>
    public bool Has(EntityKind kind, string topic)
    {
        if (_graph is null)
        {
            if (!Directory.Exists(folder.Run) || !folder.Graph.Exists)
            {
                return false;
            }
            _graph = GraphTable.Open(folder);
        }
        Span<byte> row = new byte[GraphTable.RowSize];
        for (var i = 0; i < _graph.RowCount; i++)
        {
            if (_graph.Row(i).ReadByte(GraphRow.Kind) == (byte)kind && GraphRow.TryCopy(_graph.Row(i), row))
            {
                var name = Encoding.UTF8.GetString(row.Slice(GraphRow.Name, GraphRow.NameSize)).TrimEnd('\0');
                if (row[GraphRow.Kind] == (byte)kind && (name == topic || name == "rt" + topic))
                {
                    return true;
                }
            }
        }
        return false;
    }

    /// <summary>The master's answer, or null while there is none.</summary>
    public Status? AskMaster()
    {
        try
        {
            return _registry.Call(new Request { Status = new StatusQuery() }, TimeSpan.FromSeconds(5)).Status;
        }
        catch (RegistryException)
        {
            return null;
        }
    }

    /// <summary>The processes of which there is no snapshot.</summary>
    public List<string> WithoutSnapshot() =>
        AskMaster() is { } status ? [.. status.Processes.Where(x => x.LastCheckpoint == 0).Select(x => string.Join(' ', x.Nodes))] : ["the master"];

    /// <summary>The end of the master's log.</summary>
    public string LogTail(int lines) => string.Join('\n', ReadLog().TrimEnd().Split('\n').TakeLast(lines));

    /// <summary>How many recoveries the masters say were by which engine; those by a command are engine none's.</summary>
    public SortedDictionary<string, int> RecoveriesByEngine()
    {
        var log = ReadLog();
        var all = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var engine in Restored().Matches(log).Select(x => x.Groups[1].Value).Concat(StartedAgain().Matches(log).Select(_ => "none")))
        {
            all[engine] = all.GetValueOrDefault(engine) + 1;
        }
        return all;
    }

    [GeneratedRegex(@" restored from snapshot \d+ by (\w+) in ")]
    private static partial Regex Restored();

    [GeneratedRegex(" started again by its command ")]
    private static partial Regex StartedAgain();

    private string ReadLog()
    {
        try
        {
            using var stream = new FileStream(folder.MasterLog.FullName, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return new StreamReader(stream).ReadToEnd();
        }
        catch (IOException)
        {
            return "(no master.log)";
        }
    }

    public void Dispose()
    {
        _table?.Dispose();
        _graph?.Dispose();
    }
}
