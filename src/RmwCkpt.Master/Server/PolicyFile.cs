using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;
using RmwCkpt.Domain.Protocol;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace RmwCkpt.Master.Server;

/// <summary>
/// Policies by nodes' names, as RMW_CKPT_POLICY has them: a YAML mapping of patterns (regular expressions, for whole names) to
/// what is asked for. The first pattern that a node of a process has counts, and more than its environment.
/// <code>
/// /camera_.*:
///   recover: off
/// /planner:
///   interval: 2
/// </code>
/// </summary>
internal static class PolicyFile
{
    // Takes time in proportion to a name's length whatever the pattern, which may be any client's.
    private const RegexOptions Options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture;

    /// <exception cref="RequestException">It is no such file; the message begins with its name and the line.</exception>
    public static IReadOnlyList<PolicyRule> Parse(string name, string text)
    {
        var rules = new List<PolicyRule>();
        var parser = new Parser(new StringReader(text));
        try
        {
            parser.Consume<StreamStart>();
            if (!parser.TryConsume<DocumentStart>(out _))
            {
                return rules;
            }
            foreach (var pattern in Keys("the patterns of nodes' names"))
            {
                if (rules.Any(x => x.Nodes == pattern.Value))
                {
                    throw Wrong(pattern.Start, $"'{pattern.Value}' is there twice");
                }
                var rule = new PolicyRule { Nodes = pattern.Value, Policy = new Policy() };
                Check(pattern);
                var seen = new HashSet<string>();
                foreach (var setting in Keys($"what '{pattern.Value}' asks for ({string.Join(", ", Policy.Names)})"))
                {
                    if (!seen.Add(setting.Value))
                    {
                        throw Wrong(setting.Start, $"'{setting.Value}' is there twice");
                    }
                    var value = Text("a value");
                    if (rule.Policy.TrySet(setting.Value, value.Value) is { } wrong)
                    {
                        throw Wrong(
                            setting.Start, Policy.Names.Contains(setting.Value)
                                ? $"{setting.Value}: {value.Value} {wrong}" : $"'{setting.Value}' {wrong}");
                    }
                }
                rules.Add(rule);
            }
            parser.Consume<DocumentEnd>();
            return parser.TryConsume<StreamEnd>(out _) ? rules : throw Wrong(parser.Current!.Start, "a second document begins here");
        }
        catch (YamlException e)
        {
            throw Wrong(e.Start, e.Message);
        }

        IEnumerable<Scalar> Keys(string what)
        {
            if (!parser.TryConsume<MappingStart>(out _))
            {
                throw Wrong(parser.Current!.Start, $"here should be a mapping: {what}");
            }
            while (!parser.TryConsume<MappingEnd>(out _))
            {
                yield return Text("a key");
            }
        }

        Scalar Text(string what) => parser.TryConsume<Scalar>(out var scalar)
            ? scalar : throw Wrong(parser.Current!.Start, $"here should be {what}, a text or number");

        void Check(Scalar pattern)
        {
            try
            {
                _ = Matches(pattern.Value, "/");
            }
            catch (Exception e) when (e is ArgumentException or NotSupportedException)
            {
                throw Wrong(pattern.Start, $"'{pattern.Value}' cannot be used: {e.Message}");
            }
        }

        RequestException Wrong(Mark at, string what) => new(string.Create(CultureInfo.InvariantCulture, $"{name}:{at.Line}: {what}"));
    }

    /// <summary>What holds for a process: what its environment asks for, and over it the first rule for one of its nodes.</summary>
    public static Policy Choose(Policy? environment, IEnumerable<PolicyRule> rules, IEnumerable<string> nodes)
    {
        var policy = environment?.Clone() ?? new Policy();
        var names = nodes.ToList();
        if (rules.FirstOrDefault(rule => names.Any(x => Matches(rule.Nodes, x))) is { } first)
        {
            policy.MergeFrom(first.Policy);
        }
        return policy;
    }

    /// <summary>A name begins with a slash, which a pattern need not.</summary>
    private static bool Matches([StringSyntax(StringSyntaxAttribute.Regex)] string pattern, string node) =>
        Regex.IsMatch(node, $"^/?(?:{pattern})$", Options) || Regex.IsMatch(node, $"^(?:{pattern})$", Options);
}
