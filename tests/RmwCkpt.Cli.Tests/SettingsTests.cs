using System.Text.RegularExpressions;
using RmwCkpt.Domain;

namespace RmwCkpt.Cli.Tests;

/// <summary>What variables of the environment there are stands in <see cref="Settings"/>; documents and code go by that.</summary>
public sealed partial class SettingsTests
{
    public static TheoryData<string, string> BadValues => new()
    {
        { "RMW_CKPT_INTERVAL", "-1" }, { "RMW_CKPT_INTERVAL", "soon" }, { "RMW_CKPT_GOAL", "3601" }, { "RMW_CKPT_ENGINE", "dmtcp" },
        { "RMW_CKPT_RECOVER", "yes" }, { "RMW_CKPT_POISON", "2" }, { "RMW_CKPT_RANDOM", "maybe" }, { "RMW_CKPT_MEMORY", "0" },
        { "RMW_CKPT_RETENTION", "1e99" }, { "RMW_CKPT_KEEP", "paper" }, { "RMW_CKPT_JOURNAL_LIMIT", "NaN" },
        { "RMW_CKPT_LOG_LEVEL", "loud" }, { "ROS_DOMAIN_ID", "-1" }, { "ROS_DOMAIN_ID", "1073741824" },
        { "RMW_CKPT_RESUME", "xyz@1" }, { "RMW_CKPT_RESUME", "12" }, { "RMW_CKPT_TIME_NAMESPACE_LEFT", "x" },
    };

    private static IEnumerable<Setting> All => Settings.OfUsers.Concat(Settings.Others);

    [Theory]
    [MemberData(nameof(BadValues))]
    public void What_cannot_be_used_is_said_with_variable_value_range_and_what_holds(string name, string value)
    {
        var settings = new Settings(x => x == name ? value : null);
        var setting = Assert.Single(All, x => x.Name == name);
        Assert.Null(settings.Checked(setting));
        var complaint = Assert.Single(settings.Complaints);
        Assert.StartsWith($"{name}={value} is ", complaint, StringComparison.Ordinal);
        Assert.EndsWith($": it is as if it were not set ({setting.Default})", complaint, StringComparison.Ordinal);
        foreach (var word in Words().Matches(setting.Range).Select(x => x.Value))
        {
            Assert.Contains(word, complaint, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Each_that_is_not_free_text_has_a_bad_value_above() =>
        Assert.Empty(All.Where(x => x is not TextSetting).Select(x => x.Name).Except(BadValues.Select(x => (string)x[0])));

    [Fact]
    public void What_is_not_set_or_empty_is_not_complained_of()
    {
        var settings = new Settings(x => x.Length % 2 == 0 ? "" : null);
        Assert.All(All, x => Assert.Null(settings.Checked(x)));
        Assert.Empty(settings.Complaints);
    }

    [Fact]
    public void Readme_has_a_row_for_each_that_users_set_with_its_words_and_its_default()
    {
        var rows = Rows("README.md").ToList();
        Assert.Equal(Settings.OfUsers.Select(x => x.Name).Order(), rows.Select(x => x.Name).Order());
        foreach (var setting in Settings.OfUsers)
        {
            var text = rows.Single(x => x.Name == setting.Name).Text;
            Assert.Contains(setting.Default, text.Replace("`", "", StringComparison.Ordinal), StringComparison.Ordinal);
            var words = setting.Range.StartsWith("one of ", StringComparison.Ordinal) ? setting.Range["one of ".Length..].Split(", ") : [];
            Assert.All(words, word => Assert.Contains($"`{word}`", text, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void The_others_are_named_where_tests_variables_are()
    {
        var testing = File.ReadAllText(Path.Combine(WorkTree.Top, "docs/testing.md"));
        Assert.All(Settings.Others, x => Assert.Contains($"`{x.Name}`", testing, StringComparison.Ordinal));
    }

    [Fact]
    public void Nothing_else_reads_the_environment()
    {
        var readers =
            from folder in new[] { "src", "rmw_ckpt" }
            from path in Directory.EnumerateFiles(Path.Combine(WorkTree.Top, folder), "*", SearchOption.AllDirectories)
            let file = Path.GetRelativePath(WorkTree.Top, path)
            where Path.GetExtension(file) is ".cs" or ".cpp" or ".hpp" && !file.Contains("/obj/", StringComparison.Ordinal)
            where Reads().IsMatch(File.ReadAllText(path))
            select file;
        Assert.Equal(["rmw_ckpt/src/settings.cpp", "src/RmwCkpt.Domain/Settings.cs"], readers.Order());
    }

    private static IEnumerable<(string Name, string Text)> Rows(string document) =>
        Row().Matches(File.ReadAllText(Path.Combine(WorkTree.Top, document))).Select(x => (x.Groups[1].Value, x.Groups[2].Value));

    [GeneratedRegex(@"^\| `(RMW_CKPT_\w+)` \| (.*) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Words();

    /// <summary>All variables at once are for children.</summary>
    [GeneratedRegex(@"\bGetEnvironmentVariable\b|\bgetenv\(")]
    private static partial Regex Reads();
}
