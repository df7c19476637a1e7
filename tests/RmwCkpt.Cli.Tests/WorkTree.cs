namespace RmwCkpt.Cli.Tests;

/// <summary>Where the sources are that some tests read.</summary>
internal static class WorkTree
{
    public static string Top { get; } = Find();

    private static string Find()
    {
        var top = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(top, "RmwCkpt.sln")))
        {
            top = Path.GetDirectoryName(top) ?? throw new InvalidOperationException(
                $"No RmwCkpt.sln above {AppContext.BaseDirectory}: run the tests in the work tree.");
        }
        return top;
    }
}
