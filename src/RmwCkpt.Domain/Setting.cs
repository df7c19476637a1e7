using System.Globalization;

namespace RmwCkpt.Domain;

/// <summary>A variable of the environment; <see cref="Settings"/> has all that there are.</summary>
/// <param name="Name">As it is written.</param>
/// <param name="Range">What can be used, with its unit: "a number of seconds from 0 to 60".</param>
/// <param name="Default">What holds where it is not set, or is empty, or cannot be used.</param>
public abstract record Setting(string Name, string Range, string Default)
{
    /// <summary>What is wrong with a text, as in "it {...}"; null: it can be used.</summary>
    public abstract string? WhyNot(string text);

    /// <summary>Says of a value that cannot be used which it is, why, and what holds instead; null: it can be used.</summary>
    public string? Complaint(string text) =>
        WhyNot(text) is { } wrong ? $"{Name}={text} {wrong}: it is as if it were not set ({Default})" : null;

    /// <summary>One of some words, in capitals or not.</summary>
    internal static Setting<T> OfWords<T>(string name, string usual, params (string Word, T Value)[] words)
        where T : struct
    {
        var all = string.Join(", ", words.Select(x => x.Word));
        return new(
            name, $"one of {all}", usual, $"is none of {all}",
            text => words.Where(x => x.Word.Equals(text, StringComparison.OrdinalIgnoreCase)).Select(x => (T?)x.Value).FirstOrDefault());
    }

    /// <summary>A number, both ends included.</summary>
    /// <param name="unit">What is counted: "seconds".</param>
    /// <param name="word">A word that stands for <paramref name="meaning"/>; empty: none does.</param>
    internal static Setting<double> OfNumber(string name, string usual, string unit, double most, string word = "", double meaning = 0)
    {
        var range = string.Create(CultureInfo.InvariantCulture, $"a number of {unit} from 0 to {most}");
        return new(
            name, word.Length == 0 ? range : $"{word} or {range}", usual, word.Length == 0 ? $"is not {range}" : $"is neither {word} nor {range}",
            text => word.Length > 0 && text.Equals(word, StringComparison.OrdinalIgnoreCase) ? meaning
                : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= 0 && value <= most
                    ? value : null);
    }

    internal static Setting<long> OfBytes(string name, string usual)
    {
        const string Range = "a number of bytes from 1 on, as 100000000, 64M or 0.5GiB";
        return new(name, Range, usual, $"is not {Range}", text => ByteSize.TryParse(text, out var bytes) ? bytes : null);
    }
}

/// <inheritdoc/>
/// <param name="Wrong">What is said of a text that cannot be used, as in "it {...}".</param>
/// <param name="Parse">Null: it cannot be used.</param>
public sealed record Setting<T>(string Name, string Range, string Default, string Wrong, Func<string, T?> Parse)
    : Setting(Name, Range, Default)
    where T : struct
{
    /// <inheritdoc/>
    public override string? WhyNot(string text) => Parse(text) is null ? Wrong : null;
}

/// <summary>A path, or another text of which whoever uses it says what is wrong.</summary>
public sealed record TextSetting(string Name, string Range, string Default) : Setting(Name, Range, Default)
{
    /// <inheritdoc/>
    public override string? WhyNot(string text) => null;
}
