using System.Globalization;
using System.Text;

namespace RmwCkpt.Cli.Metrics;

/// <summary>Writes OpenMetrics text, version 1.0.0: each family with its help, then its samples, at last the end.</summary>
internal sealed class OpenMetrics
{
    public const string ContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    private const string Prefix = "rmw_ckpt_";

    private static readonly string[] s_units = ["seconds", "bytes"];

    private readonly StringBuilder _text = new();

    /// <summary>Values that go up and down.</summary>
    public void Gauge(string name, string help, IEnumerable<(string Labels, double Value)> samples) =>
        Family(name, "gauge", "", help, samples);

    /// <summary>Values that only grow; their name gets its ending here.</summary>
    public void Counter(string name, string help, IEnumerable<(string Labels, double Value)> samples) =>
        Family(name, "counter", "_total", help, samples);

    public string Finish() => _text.Append("# EOF\n").ToString();

    /// <summary>{name="value",...}, with what has a meaning in there escaped.</summary>
    public static string Labels(params ReadOnlySpan<(string Name, string Value)> labels)
    {
        var text = new StringBuilder("{");
        foreach (var (name, value) in labels)
        {
            text.Append(text.Length > 1 ? "," : "").Append(name).Append("=\"")
                .Append(value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
                    .Replace("\n", "\\n", StringComparison.Ordinal)).Append('"');
        }
        return text.Append('}').ToString();
    }

    private void Family(string name, string type, string ending, string help, IEnumerable<(string Labels, double Value)> samples)
    {
        var unit = s_units.FirstOrDefault(x => name.EndsWith($"_{x}", StringComparison.Ordinal));
        _text.Append("# TYPE ").Append(Prefix).Append(name).Append(' ').Append(type).Append('\n');
        if (unit is not null)
        {
            _text.Append("# UNIT ").Append(Prefix).Append(name).Append(' ').Append(unit).Append('\n');
        }
        _text.Append("# HELP ").Append(Prefix).Append(name).Append(' ').Append(help).Append('\n');
        foreach (var (labels, value) in samples)
        {
            _text.Append(Prefix).Append(name).Append(ending).Append(labels).Append(' ')
                .Append(value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
        }
    }
}
