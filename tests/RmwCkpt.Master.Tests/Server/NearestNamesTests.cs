using RmwCkpt.Master.Server;

namespace RmwCkpt.Master.Tests.Server;

public sealed class NearestNamesTests
{
    [Theory]
    [InlineData("", "", 0)]
    [InlineData("abc", "", 3)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("/talker", "/tlaker", 2)]
    public void Distances(string a, string b, int edits)
    {
        Assert.Equal(edits, NearestNames.Distance(a, b));
        Assert.Equal(edits, NearestNames.Distance(b, a));
    }

    [Fact]
    public void The_nearest_come_first_and_strangers_not_at_all() =>
        Assert.Equal(["/talker", "/talker2"], NearestNames.Find("/taker", ["/camera_driver", "/talker2", "/talker", "/talker"]));

    [Fact]
    public void A_name_without_its_namespace_is_near() =>
        Assert.Contains("/robot/arm/talker", NearestNames.Find("/talker", ["/robot/arm/talker", "/other"]));

    [Fact]
    public void Without_any_the_hint_says_so() => Assert.Contains("no nodes", NearestNames.Hint("/x", []), StringComparison.Ordinal);
}
