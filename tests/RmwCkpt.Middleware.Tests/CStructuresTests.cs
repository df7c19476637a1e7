using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Messages;

namespace RmwCkpt.Middleware.Tests;

/// <summary>
/// ckpt.h as C# has it. What is compared with is not typed here: the C++ compiler has checked each line of
/// tests/shim/test_layout.cpp.
/// </summary>
public sealed class CStructuresTests
{
    [Fact]
    public void What_C_sharp_has_of_ckpt_h_is_what_the_compiler_says()
    {
        var mine = Mine();
        var compilers = Compilers();
        Assert.Equal(mine.Keys.Order(), compilers.Keys.Order());
        Assert.All(mine, x => Assert.True(compilers[x.Key] == x.Value, $"{x.Key}: {compilers[x.Key]} in C++, {x.Value} in C#"));
    }

    private static Dictionary<string, int> Mine()
    {
        var all = new Dictionary<string, int>
        {
            ["CKPT_GID_SIZE"] = Gid.Size,
            ["CKPT_TYPE_HASH_SIZE"] = GraphRow.TypeHashSize,
            ["ckpt_request_id"] = RequestId.Size,
            ["ckpt_request_id.client"] = IndexOf(x => new RequestId(new Gid(1, 0, 0), 0).Write(x)),
            ["ckpt_request_id.sequence"] = IndexOf(x => new RequestId(default, 1).Write(x)),
            ["ckpt_reservation"] = CReservation.Size,
            ["ckpt_reservation.data"] = CReservation.Data,
            ["ckpt_snapshots_place"] = CSnapshotsPlace.Size,
            ["ckpt_snapshots_place.page"] = CSnapshotsPlace.Page,
            ["ckpt_snapshots_place.claim"] = CSnapshotsPlace.Claim,
            ["ckpt_snapshots_place.incarnation"] = CSnapshotsPlace.Incarnation,
            ["ckpt_snapshots_place.pid"] = CSnapshotsPlace.Pid,
            ["ckpt_snapshots_place.folder"] = CSnapshotsPlace.Folder,
            ["ckpt_asked_place"] = CAskedPlace.Size,
            ["ckpt_asked_place.owner"] = CAskedPlace.Owner,
            ["ckpt_asked_place.process"] = CAskedPlace.Process,
            ["ckpt_asked_place.asked_at"] = CAskedPlace.AskedAt,
        };
        AddEnum<Code>(all, "CKPT_");
        AddEnum<EntityKind>(all, "CKPT_");
        AddEnum<EventKind>(all, "CKPT_EVENT_");
        AddEnum<QosPolicy>(all, "CKPT_POLICY_");
        Add(all, "ckpt_message", CMessage.Size, [
            ("data", CMessage.Data), ("size", CMessage.Length), ("sequence", CMessage.Sequence), ("source_time", CMessage.SourceTime),
            ("writer", CMessage.Writer), ("request", CMessage.Request), ("taken", CMessage.Taken)]);
        Add(all, "ckpt_endpoint_options", COptions.Size, [
            ("topic", COptions.Topic), ("type", COptions.Type), ("type_hash", COptions.TypeHash), ("description", COptions.Description),
            ("qos", COptions.Qos), ("ignore_local_publications", COptions.IgnoreLocal)]);
        Add(all, "ckpt_event_status", CEventStatus.Size, [
            ("total", CEventStatus.Total), ("total_change", CEventStatus.TotalChange), ("current", CEventStatus.Current),
            ("current_change", CEventStatus.CurrentChange), ("last_policy", CEventStatus.LastPolicy)]);
        Add(all, "ckpt_graph_entry", GraphTable.RowSize, [
            ("stamp", GraphRow.Stamp), ("state", GraphRow.State), ("version", GraphRow.Version), ("kind", GraphRow.Kind),
            ("flags", GraphRow.Flags), ("process", GraphRow.Process), ("node", GraphRow.Node), ("entity", GraphRow.Entity),
            ("gid", GraphRow.GidBytes), ("qos", GraphRow.QosBytes), ("type_hash", GraphRow.TypeHash), ("created", GraphRow.Created),
            ("name", GraphRow.Name), ("type", GraphRow.Type), ("enclave", GraphRow.Enclave)]);
        var none = default(Qos);
        Add(all, "ckpt_qos", Qos.Size, [
            ("reliability", IndexOf(none with { Reliability = Reliability.Reliable })),
            ("durability", IndexOf(none with { Durability = Durability.TransientLocal })),
            ("history", IndexOf(none with { History = History.KeepLast })),
            ("liveliness", IndexOf(none with { Liveliness = Liveliness.Automatic })),
            ("depth", IndexOf(none with { Depth = 1 })), ("deadline", IndexOf(none with { Deadline = 1 })),
            ("lifespan", IndexOf(none with { Lifespan = 1 })), ("lease", IndexOf(none with { Lease = 1 }))]);
        return all;
    }

    private static void Add(Dictionary<string, int> all, string name, int size, (string Member, int Offset)[] members)
    {
        all[name] = size;
        Array.ForEach(members, x => all[$"{name}.{x.Member}"] = x.Offset);
    }

    /// <summary>"NoSpace" is NO_SPACE there. A value that says "none" has no name there.</summary>
    private static void AddEnum<T>(Dictionary<string, int> all, string prefix)
        where T : struct, Enum
    {
        foreach (var value in Enum.GetValues<T>())
        {
            var name = value.ToString();
            if (name != "None")
            {
                all[prefix + Regex.Replace(name, "(?<=[a-z])(?=[A-Z])", "_").ToUpperInvariant()] =
                    Convert.ToInt32(value, CultureInfo.InvariantCulture);
            }
        }
    }

    private static int IndexOf(Qos qos) => IndexOf(x => qos.Write(x.Span(0, Qos.Size)));

    /// <summary>Where the only byte is that is written and is not 0.</summary>
    private static int IndexOf(Action<Region> write)
    {
        using var buffer = new NativeBuffer();
        var region = buffer.Ensure(64);
        region.All.Clear();
        write(region);
        return region.All.IndexOfAnyExcept((byte)0);
    }

    private static Dictionary<string, int> Compilers([CallerFilePath] string source = "")
    {
        var path = Path.Combine(Path.GetDirectoryName(source)!, "../shim/test_layout.cpp");
        var lines = Regex.Matches(File.ReadAllText(path, Encoding.UTF8), @"^(VALUE|SIZE|OFFSET)\((\w+)(, ([a-z]\w*))?, (\d+)\);", RegexOptions.Multiline);
        return lines.ToDictionary(
            x => x.Groups[2].Value + (x.Groups[4].Success ? "." + x.Groups[4].Value : ""),
            x => int.Parse(x.Groups[5].Value, CultureInfo.InvariantCulture));
    }
}
