using System.Globalization;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using Status = RmwCkpt.Domain.Protocol.Status;

namespace RmwCkpt.Cli.Metrics;

/// <summary>A domain as metrics: what its master says, and what its processes count in their slots of the table.</summary>
internal sealed class DomainMetrics(RunFolder folder)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private static readonly (string Name, int Offset, string Help)[] s_counters =
    [
        ("published", ProcessTable.Published, "Messages that it has published."),
        ("taken", ProcessTable.Taken, "Messages that it has taken."),
        ("taken_bytes", ProcessTable.TakenBytes, "Bytes of the messages that it has taken."),
        ("journal_cells", ProcessTable.JournalEnd, "Cells of its journal: takes, waits, clock reads."),
        ("replayed", ProcessTable.Replayed, "Takes that were replayed in recoveries."),
        ("suppressed", ProcessTable.Suppressed, "Messages that were not said again in recoveries."),
        ("divergences", ProcessTable.Divergences, "Messages that were others in a replay, and replays that were given up."),
        ("lost", ProcessTable.Lost, "Messages that it was to take and that were no longer kept."),
        ("unpublished", ProcessTable.Unpublished, "Messages that there was no room for."),
    ];

    /// <summary>All of it, as OpenMetrics text. Where no master answers that is what it says.</summary>
    public string Collect()
    {
        var metrics = new OpenMetrics();
        var domain = OpenMetrics.Labels(("domain", folder.Domain.ToString(CultureInfo.InvariantCulture)));
        var (status, checkpoints) = Ask();
        metrics.Gauge("up", "Whether the domain's master answers.", [(domain, status is null ? 0 : 1)]);
        if (status is not null)
        {
            metrics.Gauge("memory_used_bytes", "What logs, journals and images have.", [(domain, status.MemoryUsed)]);
            metrics.Gauge("memory_budget_bytes", "What they may have.", [(domain, status.MemoryBudget)]);
            metrics.Gauge("memory_free_bytes", "What is free in the run folder's file system.", [(domain, status.MemoryFree)]);
            metrics.Gauge("log_bytes", "What the logs have.", [(domain, status.LogBytes)]);
            Add(metrics, status, checkpoints);
        }
        return metrics.Finish();
    }

    private void Add(OpenMetrics metrics, Status status, IReadOnlyList<Checkpoint> checkpoints)
    {
        var processes = status.Processes.Select(x => (Labels: LabelsOf(x), Status: x)).ToList();
        metrics.Gauge("live", "Whether it lives and is up to date.", processes.Select(x => (x.Labels, x.Status.State == "live" ? 1d : 0)));
        metrics.Counter("recoveries", "How often it was brought back.", processes.Select(x => (x.Labels, (double)x.Status.Process.Recoveries)));
        metrics.Gauge(
            "last_silence_seconds", "From its last death to its first new message.",
            processes.Where(x => x.Status.LastSilence > 0).Select(x => (x.Labels, x.Status.LastSilence / 1e9)));
        metrics.Gauge(
            "last_snapshot_timestamp_seconds", "When its newest snapshot was taken, since 1970.",
            processes.Where(x => x.Status.LastCheckpoint > 0).Select(x => (x.Labels, x.Status.LastCheckpoint / 1e9)));
        var newest = checkpoints.GroupBy(x => x.Process).ToDictionary(x => x.Key, x => x.MaxBy(y => y.Number)!.Frozen);
        metrics.Gauge(
            "last_freeze_seconds", "How long its newest snapshot stopped it.",
            processes.Where(x => newest.GetValueOrDefault(x.Status.Process.Process_) > 0)
                .Select(x => (x.Labels, newest[x.Status.Process.Process_] / 1e9)));
        using var table = ProcessTable.Open(folder, make: false);
        var slots = processes.ConvertAll(x => (x.Labels, Slot: table.Slot(x.Status.Process.Slot), Id: x.Status.Process.Process_));
        slots.RemoveAll(x => x.Slot.ReadUInt64(ProcessTable.ProcessId) != x.Id);
        metrics.Counter("snapshots", "Snapshots of it that were taken.", slots.Select(x => (x.Labels, (double)x.Slot.ReadUInt32(ProcessTable.Snapshots))));
        foreach (var (name, offset, help) in s_counters)
        {
            metrics.Counter(name, help, slots.Select(x => (x.Labels, (double)x.Slot.ReadInt64(offset))));
        }
    }

    private (Status? Status, IReadOnlyList<Checkpoint> Checkpoints) Ask()
    {
        try
        {
            var client = new RegistryClient(folder);
            return (client.Call(new Request { Status = new StatusQuery() }, s_patience).Status,
                client.Call(new Request { Checkpoints = new CheckpointsQuery() }, s_patience).Checkpoints);
        }
        catch (IOException)
        {
            return (null, []);
        }
    }

    private static string LabelsOf(ProcessStatus process) => OpenMetrics.Labels(
        ("node", Output.Name(process)), ("process", process.Process.Process_.ToString("x16", CultureInfo.InvariantCulture)));
}
