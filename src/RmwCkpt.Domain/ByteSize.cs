using System.Globalization;

namespace RmwCkpt.Domain;

/// <summary>
/// A number of bytes as users write it: 1000000, 1e9, 0.5G, 64M, 64MiB. K, M, G and T, with or without "iB", are powers of
/// 1024.
/// </summary>
public static class ByteSize
{
    /// <summary>1 to half of what 63 bits hold; false: it is none of these.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        var number = text.AsSpan().Trim();
        var unit = 1.0;
        if (number.EndsWith("iB", StringComparison.OrdinalIgnoreCase))
        {
            number = number[..^2];
            if (number.IsEmpty || !char.IsLetter(number[^1]))
            {
                return false;
            }
        }
        if (!number.IsEmpty && "KMGT".IndexOf(char.ToUpperInvariant(number[^1]), StringComparison.Ordinal) is >= 0 and var power)
        {
            unit = Math.Pow(1024, power + 1);
            number = number[..^1];
        }
        if (!double.TryParse(number.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            || !(value * unit >= 1) || value * unit > long.MaxValue / 2)
        {
            return false;
        }
        bytes = (long)(value * unit);
        return true;
    }

    /// <summary>For people: 12.3 MiB.</summary>
    public static string Show(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var value = (double)bytes;
        var unit = 0;
        for (; value >= 1024 && unit < units.Length - 1; unit++)
        {
            value /= 1024;
        }
        return string.Create(CultureInfo.InvariantCulture, $"{Math.Round(value, unit == 0 ? 0 : 1)} {units[unit]}");
    }
}
