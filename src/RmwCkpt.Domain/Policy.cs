using System.Globalization;

namespace RmwCkpt.Domain.Protocol;

/// <summary>
/// What a process asks for itself: each reads its own environment and tells the master when it joins. A field that is absent
/// was not asked for.
/// </summary>
public sealed partial class Policy
{
    private static readonly (string Name, Setting Setting)[] s_settings =
    [
        ("recover", Settings.Recover), ("engine", Settings.Engine),
        ("interval", Settings.Interval), ("goal", Settings.Goal),
        ("poison", Settings.Poison),
    ];

    /// <summary>The settings' names.</summary>
    public static IEnumerable<string> Names => s_settings.Select(x => x.Name);

    /// <summary>What the variables ask for. A value that cannot be used is left out and complained of.</summary>
    public static Policy FromEnvironment(Settings settings)
    {
        var policy = new Policy();
        foreach (var (name, setting) in s_settings)
        {
            if (settings.Checked(setting) is { } text)
            {
                policy.TrySet(name, text);
            }
        }
        return policy;
    }

    /// <summary>Sets what one of <see cref="Names"/> stands for. Null: done; else what is wrong with the value.</summary>
    public string? TrySet(string name, string text) => name switch
    {
        "recover" => Set(Settings.Recover, text, x => Recover = x),
        "engine" => Set(Settings.Engine, text, x => Engine = x),
        "interval" => Set(Settings.Interval, text, x => Interval = x),
        "goal" => Set(Settings.Goal, text, x => Goal = x),
        "poison" => Set(Settings.Poison, text, x => Poison = x),
        _ => $"is not known: {string.Join(", ", Names)} are",
    };

    /// <summary>Each setting that is there, as it is written: "interval=2".</summary>
    public IEnumerable<string> Written()
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

    private static string? Set<T>(Setting<T> setting, string text, Action<T> set)
        where T : struct
    {
        if (setting.Parse(text) is not { } value)
        {
            return setting.Wrong;
        }
        set(value);
        return null;
    }
}
