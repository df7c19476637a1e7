using RmwCkpt.Cli.Journals;
using RmwCkpt.Domain;

namespace RmwCkpt.Cli.Export;

/// <summary>What processes have counted that nobody has written down with its time: losses and divergences.</summary>
internal static class Counters
{
    /// <summary>A sentence for each process of these logs that has counted any.</summary>
    public static IEnumerable<string> Of(RunFolder folder, IEnumerable<LogEntry> logs)
    {
        var nodes = logs.GroupBy(x => x.Gid.Process).ToDictionary(x => x.Key, x => string.Join(", ", x.Select(y => y.Node).Distinct()));
        ProcessTable table;
        try
        {
            table = ProcessTable.Open(folder, make: false);
        }
        catch (IOException)
        {
            // Another version's, or none: the messages can be read all the same.
            yield break;
        }
        using (table)
        {
            for (var i = 1u; i < ProcessTable.Slots; i++)
            {
                var slot = table.Slot(i);
                if (!nodes.TryGetValue(slot.ReadUInt64(ProcessTable.ProcessId), out var node))
                {
                    continue;
                }
                var (diverged, lost, unpublished) = (slot.ReadInt64(ProcessTable.Divergences),
                    slot.ReadInt64(ProcessTable.Lost), slot.ReadInt64(ProcessTable.Unpublished));
                if (diverged + lost + unpublished > 0)
                {
                    yield return $"{node}, in all its incarnations: {diverged} divergences, {lost} messages that it was to take and that "
                        + $"were no longer kept, {unpublished} that there was no room for";
                }
            }
        }
    }
}
