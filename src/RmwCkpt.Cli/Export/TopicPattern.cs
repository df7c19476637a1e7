using System.CommandLine.Parsing;
using System.Text.RegularExpressions;

namespace RmwCkpt.Cli.Export;

/// <summary>A regular expression for whole names of topics, whose first slash it need not have.</summary>
internal sealed record TopicPattern(string Text, Regex Regex)
{
    // Takes time in proportion to a name's length whatever the pattern.
    private const RegexOptions Options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture;

    public static TopicPattern? Parse(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        try
        {
            // By itself first: what is said of it is about what was typed.
            _ = new Regex(text, Options);
            return new TopicPattern(text, new Regex($"^(?:{text})$", Options));
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            result.AddError($"--topics: {e.Message}");
            return null;
        }
    }

    public bool IsNameOf(string topic) => Regex.IsMatch(topic) || (topic.StartsWith('/') && Regex.IsMatch(topic[1..]));
}
