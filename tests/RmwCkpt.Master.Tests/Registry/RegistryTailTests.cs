using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Tests.Registry;

public sealed class RegistryTailTests
{
    private static readonly RegistryRecord[] s_records =
    [
        new() { Head = new RegistryHead { Version = 1, Boot = "boot", Run = 5 } },
        Scratch.Live(9),
        new() { Added = Scratch.Register(9, Scratch.Node(9, 1, "talker"), Scratch.Publisher(9, 2, 1, "/chatter")) },
        new() { Removed = new Unregister { Process = 9, Entities = { 2 } } },
        new() { Gone = 9 },
    ];

    private static (byte[] Bytes, int[] Ends) Journal()
    {
        using var buffer = new MemoryStream();
        var ends = new List<int>();
        foreach (var record in s_records)
        {
            RegistryTail.Append(buffer, record);
            ends.Add((int)buffer.Length);
        }
        return (buffer.ToArray(), [.. ends]);
    }

    [Fact]
    public void A_whole_journal_is_clean()
    {
        var (bytes, _) = Journal();
        var (records, valid, kind) = RegistryTail.Scan(bytes);
        Assert.Equal(s_records, records);
        Assert.Equal(bytes.Length, valid);
        Assert.Equal(TailKind.Clean, kind);
    }

    [Fact]
    public void Cut_at_any_byte_it_yields_the_records_before()
    {
        var (bytes, ends) = Journal();
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var (records, valid, kind) = RegistryTail.Scan(bytes.AsSpan(0, cut));
            var whole = ends.Count(x => x <= cut);
            Assert.Equal(s_records[..whole], records);
            Assert.Equal(whole == 0 ? 0 : ends[whole - 1], valid);
            Assert.Equal(valid == cut ? TailKind.Clean : TailKind.Torn, kind);
        }
    }

    [Fact]
    public void With_any_bit_flipped_it_yields_the_records_before_and_says_whether_others_follow()
    {
        var (bytes, ends) = Journal();
        for (var at = 0; at < bytes.Length; at++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var flipped = (byte[])bytes.Clone();
                flipped[at] ^= (byte)(1 << bit);
                var (records, valid, kind) = RegistryTail.Scan(flipped);
                var whole = ends.Count(x => x <= at);
                Assert.Equal(s_records[..whole], records);
                Assert.Equal(whole == 0 ? 0 : ends[whole - 1], valid);
                Assert.Equal(whole == s_records.Length - 1 ? TailKind.Torn : TailKind.Damaged, kind);
            }
        }
    }

    [Fact]
    public void Zeros_are_no_records()
    {
        var (records, valid, kind) = RegistryTail.Scan(new byte[4096]);
        Assert.Empty(records);
        Assert.Equal(0, valid);
        Assert.Equal(TailKind.Torn, kind);
    }
}
