using System.Globalization;

namespace RmwCkpt.Tests;

/// <summary>The variables of docs/testing.md, by which tests are repeated and scaled.</summary>
internal static class Variables
{
    /// <summary>A whole number from 0 on; null: it is not set.</summary>
    /// <exception cref="InvalidOperationException">It is set to something else.</exception>
    public static int? Number(string name) => Environment.GetEnvironmentVariable(name) is not { Length: > 0 } text ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value
        : throw new InvalidOperationException($"{name}={text} is not a whole number from 0 on");
}
