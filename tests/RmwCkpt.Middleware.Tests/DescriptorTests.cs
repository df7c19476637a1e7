using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Entities;

namespace RmwCkpt.Middleware.Tests;

/// <summary>
/// A layout stands once, as its descriptor's comment: that one is read here and compared with the constants by which the code
/// goes, in C# and, where C++ has some too, there.
/// </summary>
public sealed partial class DescriptorTests
{
    /// <summary>Constants that say how many or how large, not where.</summary>
    private static readonly string[] s_sizes =
    [
        "Slots", "SlotSize", "FileSize", "HeadSize", "RowSize", "Capacity", "RecentCount", "NameSize", "EnclaveSize", "TypeHashSize",
        "MostAttempts", "CurrentVersion", "MetadataSize", "LeaseCount", "AwaitedCount", "Alignment", "MaxPayload", "PageSize", "MaxSlots", "Lead",
    ];

    public static TheoryData<string, string, int, int> Descriptors => new()
    {
        { "RmwCkpt.Domain/ProcessTable.cs", nameof(ProcessTable), ProcessTable.SlotSize, 40 },
        { "RmwCkpt.Domain/DomainMemory.cs", nameof(DomainMemory), ProcessTable.SlotSize, 7 },
        { "RmwCkpt.Domain/GraphTable.cs", nameof(GraphTable), GraphTable.HeadSize, 7 },
        { "RmwCkpt.Domain/GraphRow.cs", nameof(GraphRow), GraphTable.RowSize, 15 },
        { "RmwCkpt.Log/LogHead.cs", nameof(LogHead), LogHead.FileSize, 16 },
        { "RmwCkpt.Log/Segment.cs", nameof(Segment), Segment.HeadSize, 4 },
        { "RmwCkpt.Log/Frame.cs", nameof(Frame), Frame.HeadSize, 9 },
        { "RmwCkpt.Log/LoanFile.cs", nameof(LoanFile), LoanFile.HeadSize, 5 },
        { "RmwCkpt.Log/LoanFile.cs", nameof(LoanReference), LoanReference.Size, 4 },
        { "RmwCkpt.Middleware/Entities/EndpointHead.cs", nameof(EndpointHead), LogHead.MetadataSize, 9 },
    };

    /// <param name="fields">How many the comment has, so that none is overlooked.</param>
    [Theory]
    [MemberData(nameof(Descriptors))]
    public void A_descriptor_is_as_its_constants_are_and_its_fields_are_apart(string file, string type, int size, int fields)
    {
        var described = Describe(Source("src/" + file), type);
        Assert.Equal(fields, described.Count);
        var constants = Constants(type);
        foreach (var (name, offset, bytes, alignment) in described)
        {
            var constant = ConstantOf(name);
            Assert.True(constants.Remove(constant, out var value), $"{type} has no constant {constant}, or two lines");
            Assert.True(offset == value, $"{type}.{constant} is {value}, and {offset} in the comment");
            Assert.True(offset % alignment == 0, $"{type}.{constant} is not aligned to {alignment}");
            Assert.InRange(offset + bytes, 0, size);
        }
        Assert.Equal(type == nameof(LoanReference) ? ["Size"] : [], constants.Keys.Except(s_sizes));

        // What slot 0 has in place of a process' field has the very same offset.
        var ordered = described.OrderBy(x => x.Offset).ToList();
        foreach (var (one, next) in ordered.Zip(ordered.Skip(1)).Where(x => x.First.Offset != x.Second.Offset))
        {
            Assert.True(one.Offset + one.Bytes <= next.Offset, $"{type}.{one.Name} reaches into {next.Name}");
        }
        Assert.Equal(type == nameof(ProcessTable) ? 2 : 0, ordered.Count - ordered.Select(x => x.Offset).Distinct().Count());

        string ConstantOf(string name) =>
            new[] { name + "At", name + "Offset", name, name + "Bytes" }.FirstOrDefault(x => constants.ContainsKey(x)) ?? name;
    }

    /// <summary>They are read there as the core writes them, without a function of ckpt.h.</summary>
    [Fact]
    public void What_the_shims_sources_have_of_them_is_the_same()
    {
        var slot = Source("tests/shim/test_signals.cpp");
        Assert.Equal(ProcessTable.SlotSize, Constant(slot, "slot_size"));
        Assert.Equal(ProcessTable.Pid, Constant(slot, "pid_offset"));
        Assert.Equal(ProcessTable.AskedAt, Constant(slot, "asked_offset"));
        Assert.Equal(Settings.FirstPrivateDomain, Constant(Source("rmw_ckpt/src/init.cpp"), "private_domains"));
    }

    private static int Constant(string source, string name)
    {
        var value = Regex.Match(source, $@"constexpr \w+ {name} = (0x)?([0-9a-f]+);");
        return int.Parse(
            value.Groups[2].Value, value.Groups[1].Success ? NumberStyles.HexNumber : NumberStyles.None, CultureInfo.InvariantCulture);
    }

    private static Dictionary<string, int> Constants(string type)
    {
        var all = new[] { typeof(ProcessTable), typeof(LogHead), typeof(EndpointHead) }.SelectMany(x => x.Assembly.GetTypes());
        return all.Single(x => x.Name == type && !x.IsNested)
            .GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
            // Not what stands in place of a process id.
            .Where(x => x.IsLiteral && (x.FieldType == typeof(int) || x.FieldType == typeof(uint)) && x.Name != nameof(ProcessTable.ByMaster))
            .ToDictionary(x => x.Name, x => Convert.ToInt32(x.GetRawConstantValue(), CultureInfo.InvariantCulture));
    }

    private static List<(string Name, int Offset, int Bytes, int Alignment)> Describe(string source, string type)
    {
        var comments = source[..Regex.Match(source, $@"(class|struct) {type}\b").Index];
        var comment = comments[comments.LastIndexOf("<code>", StringComparison.Ordinal)..comments.LastIndexOf("</code>", StringComparison.Ordinal)];
        return [.. Field().Matches(comment).Select(x =>
        {
            var count = x.Groups["count"] is { Success: true, Value: var text } && int.TryParse(text, CultureInfo.InvariantCulture, out var many) ? many : 1;
            var each = x.Groups["bits"].Success ? int.Parse(x.Groups["bits"].Value, CultureInfo.InvariantCulture) / 8 : 1;
            return (x.Groups["name"].Value, int.Parse(x.Groups["offset"].Value, CultureInfo.InvariantCulture), each * count, each);
        })];
    }

    private static string Source(string file, [CallerFilePath] string here = "") =>
        File.ReadAllText(Path.Combine(Path.GetDirectoryName(here)!, "../..", file));

    /// <summary>"12 u32 Crc", "128 Name[256]".</summary>
    [GeneratedRegex(@"(?<![\w.])(?<offset>\d+) +(?:[ui](?<bits>8|16|32|64) +(?<name>[A-Z]\w+)(?:\[(?<count>\w+)\])?|(?<name>[A-Z]\w+)\[(?<count>\d+)\])")]
    private static partial Regex Field();
}
