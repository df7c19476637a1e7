using System.Xml.Linq;

namespace RmwCkpt.Cli.Tests;

/// <summary>Projects depend downwards only: of two that know each other neither can be understood, or changed, alone.</summary>
public sealed class ArchitectureTests
{
    private static readonly string[][] s_layers =
    [
        ["Memory"],
        ["Log", "Domain"],
        ["Middleware", "Master"],
        ["Exports", "Client", "Cli"],
    ];

    [Fact]
    public void Each_project_has_a_layer() =>
        Assert.Equal(s_layers.SelectMany(x => x).Order(), Projects().Select(Name).Order());

    [Fact]
    public void A_project_refers_to_lower_layers_only()
    {
        var upwards =
            from project in Projects()
            from reference in XDocument.Load(project).Descendants("ProjectReference")
            let other = Name(reference.Attribute("Include")!.Value)
            where Layer(other) >= Layer(Name(project))
            select $"{Name(project)} refers to {other}";

        Assert.Empty(upwards);
    }

    private static int Layer(string name) => Array.FindIndex(s_layers, x => x.Contains(name));

    private static string Name(string project) => Path.GetFileNameWithoutExtension(project)["RmwCkpt.".Length..];

    private static string[] Projects() =>
        Directory.GetFiles(Path.Combine(WorkTree.Top, "src"), "*.csproj", SearchOption.AllDirectories);
}
