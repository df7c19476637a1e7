using System.Globalization;
using System.Text;
using RmwCkpt.Domain;

namespace RmwCkpt.Cli.Export;

/// <summary>What a topic's publishers offer, as bags have it: YAML, by which `ros2 bag play` chooses what it offers.</summary>
internal static class QosProfiles
{
    private const long Second = 1_000_000_000;

    public static string Of(IEnumerable<Qos> offered)
    {
        var text = new StringBuilder();
        foreach (var qos in offered.Distinct())
        {
            text.Append("- history: ").Append(qos.History == History.KeepAll ? "keep_all" : "keep_last")
                .Append(CultureInfo.InvariantCulture, $"\n  depth: {qos.Depth}\n  reliability: ")
                .Append(qos.Reliability == Reliability.BestEffort ? "best_effort" : "reliable")
                .Append("\n  durability: ").Append(qos.Durability == Durability.TransientLocal ? "transient_local" : "volatile");
            Append(text, "deadline", qos.Deadline);
            Append(text, "lifespan", qos.Lifespan);
            text.Append("\n  liveliness: ").Append(qos.Liveliness == Liveliness.ManualByTopic ? "manual_by_topic" : "automatic");
            Append(text, "liveliness_lease_duration", qos.Lease);
            text.Append("\n  avoid_ros_namespace_conventions: false\n");
        }
        return text.Length > 0 ? text.ToString() : "[]\n";
    }

    private static void Append(StringBuilder text, string name, long duration) =>
        text.Append(CultureInfo.InvariantCulture, $"\n  {name}:\n    sec: {duration / Second}\n    nsec: {duration % Second}");
}
