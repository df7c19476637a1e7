using System.Globalization;

namespace RmwCkpt.Domain.Protocol;

/// <summary>
/// What a process asks for itself: each reads its own environment and tells the master when it joins. A field that is absent
/// was not asked for.
/// </summary>
public sealed partial class Policy
{
    private const double LongestInterval = 86400;
    private const double LongestGoal = 3600;

    private static readonly (string Name, string Variable)[] s_settings =
    [
        ("recover", "RMW_CKPT_RECOVER"), ("engine", "RMW_CKPT_ENGINE"), ("interval", "RMW_CKPT_INTERVAL"),
        ("goal", "RMW_CKPT_GOAL"), ("poison", "RMW_CKPT_POISON"),
    ];

    /// <summary>The settings' names.</summary>
    public static IEnumerable<string> Names => s_settings.Select(x => x.Name);

    /// <summary>What the variables ask for. A value that cannot be used is left out and complained of.</summary>
    public static Policy FromEnvironment(Func<string, string?> read, ICollection<string> complaints)
    {
        var policy = new Policy();
        foreach (var (name, variable) in s_settings)
        {
            if (read(variable) is { Length: > 0 } text && policy.TrySet(name, text) is { } wrong)
            {
                complaints.Add($"{variable}={text} {wrong}: it is as if it were not set");
            }
        }
        return policy;
    }

    /// <summary>Sets what one of <see cref="Names"/> stands for. Null: done; else what is wrong with the value.</summary>
    public string? TrySet(string name, string text)
    {
        switch (name)
        {
            case "recover":
                return Choose(text, ["auto", "signals", "off"], out var recover) ?? Done(() => Recover = (RecoverPolicy)recover);
            case "engine":
                return Choose(text, ["auto", "criu", "none", "fork"], out var engine) ?? Done(() => Engine = (EnginePolicy)engine);
            case "poison":
                return Choose(text, ["stay", "skip"], out var poison) ?? Done(() => Poison = (PoisonPolicy)poison);
            case "interval" when text.Equals("auto", StringComparison.OrdinalIgnoreCase):
                Interval = -1;
                return null;
            case "interval":
                return Measure(text, LongestInterval, out var interval) is { } no
                    ? $"is neither auto nor {no}" : Done(() => Interval = interval);
            case "goal":
                return Measure(text, LongestGoal, out var goal) is { } bad ? $"is not {bad}" : Done(() => Goal = goal);
            default:
                return $"is not known: {string.Join(", ", Names)} are";
        }
    }

    /// <summary>Each setting that is there, as it is written: "interval=2".</summary>
    public IEnumerable<string> Settings()
    {
        if (HasRecover)
        {
            yield return $"recover={Recover.ToString().ToLowerInvariant()}";
        }
        if (HasEngine)
        {
            yield return $"engine={Engine.ToString().ToLowerInvariant()}";
        }
        if (HasInterval)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"interval={(Interval < 0 ? "auto" : Interval)}");
        }
        if (HasGoal)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"goal={Goal}");
        }
        if (HasPoison)
        {
            yield return $"poison={Poison.ToString().ToLowerInvariant()}";
        }
    }

    private static string? Choose(string text, string[] values, out int chosen)
    {
        chosen = Array.FindIndex(values, x => x.Equals(text, StringComparison.OrdinalIgnoreCase));
        return chosen >= 0 ? null : $"is none of {string.Join(", ", values)}";
    }

    private static string? Measure(string text, double most, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && value >= 0 && value <= most
            ? null : string.Create(CultureInfo.InvariantCulture, $"a number of seconds from 0 to {most}");

    private static string? Done(Action set)
    {
        set();
        return null;
    }
}
