using System.Text;
using RmwCkpt.Cli.Journals;
using RmwCkpt.Memory;

namespace RmwCkpt.Cli.Tests;

/// <summary>Messages as people read them, and bytes that are none.</summary>
public sealed class MessageDecoderTests : IDisposable
{
    private const int Nested = 1;
    private const int Int8 = 2;
    private const int Int32 = 6;
    private const int Text = 17;
    private const int WideText = 18;
    private const int Array = 48;
    private const int Sequence = 144;
    private readonly TrustedFolder _folder = TrustedFolder.Open($"/dev/shm/rmw_ckpt-test-{Guid.NewGuid():n}", make: true, "");

    private TrustedPath File_ => _folder.Root / "description";

    public void Dispose()
    {
        _folder.Dispose();
        Directory.Delete(_folder.Path, recursive: true);
    }

    [Fact]
    public void Numbers_are_aligned_and_text_ends_at_its_nul()
    {
        var decoder = Make(Field("small", Int8), Field("large", Int32), Field("text", Text));
        Assert.Equal("{small: -1, large: 258, text: 'hi'}", decoder.Decode([0, 1, 0, 0, 0xff, 0, 0, 0, 2, 1, 0, 0, 3, 0, 0, 0, .. "hi\0"u8]));
    }

    [Fact]
    public void Of_many_elements_the_first_are_shown_and_all_are_counted()
    {
        var decoder = Make(Field("data", Int8 + Sequence));
        var shown = decoder.Decode([0, 1, 0, 0, 20, 0, 0, 0, .. Enumerable.Repeat((byte)7, 20)]);
        Assert.Equal($"{{data: [{string.Join(", ", Enumerable.Repeat("7", 16))}, ... 20 in all]}}", shown);
        Assert.Equal("{data: [1, 2, 3]}", Make(Field("data", Int8 + Array, capacity: 3)).Decode([0, 1, 0, 0, 1, 2, 3]));
    }

    [Theory]
    [InlineData(Text)]
    [InlineData(WideText)]
    [InlineData(Int32 + Sequence)]
    [InlineData(Nested + Sequence)]
    public void More_than_is_there_is_said_at_once(int type)
    {
        var decoder = Make(Field("data", type, nested: "tests/msg/Nothing"));
        var shown = decoder.Decode([0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]);
        Assert.Contains("malformed", shown, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_cut_of_a_message_is_malformed()
    {
        var decoder = Make(Field("small", Int8), Field("large", Int32), Field("text", Text));
        byte[] whole = [0, 1, 0, 0, 0xff, 0, 0, 0, 2, 1, 0, 0, 3, 0, 0, 0, .. "hi\0"u8];
        for (var length = 4; length < whole.Length; length++)
        {
            Assert.Contains("malformed", decoder.Decode(whole.AsSpan(0, length)), StringComparison.Ordinal);
        }
        Assert.Contains("no plain", decoder.Decode([0, 0, 0, 0, 1]), StringComparison.Ordinal);
        Assert.Contains("no plain", decoder.Decode([0, 1]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_type_that_is_in_itself_has_an_end()
    {
        var decoder = Make(Field("self", Nested, nested: "tests/msg/Tested"));
        Assert.Contains("in itself", decoder.Decode([0, 1, 0, 0, 1]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[1]")]
    [InlineData("{\"type_description\": 5, \"referenced_type_descriptions\": []}")]
    public void What_is_no_description_decodes_nothing(string json)
    {
        File_.WriteAll(Encoding.UTF8.GetBytes(json));
        Assert.Null(MessageDecoder.Load(File_));
        Assert.Null(MessageDecoder.Load(File_ + "-none"));
    }

    [Fact]
    public void A_description_with_a_part_that_is_wrong_is_no_failure()
    {
        var decoder = Make("{\"name\": \"x\", \"type\": {\"type_id\": \"six\"}}");
        Assert.Contains("malformed", decoder.Decode([0, 1, 0, 0, 1]), StringComparison.Ordinal);
    }

    private static string Field(string name, int type, int capacity = 0, string nested = "") =>
        $"{{\"name\": \"{name}\", \"type\": {{\"type_id\": {type}, \"capacity\": {capacity}, \"nested_type_name\": \"{nested}\"}}}}";

    private MessageDecoder Make(params string[] fields)
    {
        var type = $"{{\"type_name\": \"tests/msg/Tested\", \"fields\": [{string.Join(", ", fields)}]}}";
        var nothing = "{\"type_name\": \"tests/msg/Nothing\", \"fields\": []}";
        File_.WriteAll(Encoding.UTF8.GetBytes($"{{\"type_description\": {type}, \"referenced_type_descriptions\": [{nothing}]}}"));
        return MessageDecoder.Load(File_)!;
    }
}
