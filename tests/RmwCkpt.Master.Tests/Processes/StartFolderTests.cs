using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Processes;

namespace RmwCkpt.Master.Tests.Processes;

/// <summary>In which folder a command is started again whose program may have gone to another since.</summary>
public sealed class StartFolderTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public StartFolderTests()
    {
        Directory.CreateDirectory(Path.Combine(Before, "code"));
        Directory.CreateDirectory(Now);
        File.WriteAllText(Path.Combine(Before, "code", "node.py"), "");
        File.WriteAllText(Path.Combine(Before, "parameters.yaml"), "");
        File.WriteAllText(Path.Combine(Now, "data.yaml"), "");
    }

    private string Before => _scratch.Path_("before");

    private string Now => _scratch.Path_("now");

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("before", "python3", "code/node.py")]
    [InlineData("before", "code/node.py")]
    [InlineData("before", "/usr/bin/node", "--params=parameters.yaml")]
    [InlineData("before", "/usr/bin/node", "-p", "file:=parameters.yaml")]
    [InlineData("now", "/usr/bin/node", "data.yaml")]
    [InlineData("now", "/usr/bin/node", "--verbose")]
    [InlineData("now", "python3", "/opt/node.py")]
    public void It_is_the_one_in_which_there_is_what_the_arguments_name(string folder, params string[] command)
    {
        var process = new Process { WorkingFolder = Now };
        process.Command.AddRange(command);
        process.Environment.AddRange(["HOME=/", $"PWD={Before}"]);
        Assert.Equal(_scratch.Path_(folder), StartFolder.Of(process));
    }

    [Fact]
    public void One_that_is_gone_is_not_it() =>
        Assert.Equal("/", StartFolder.Of(new Process { WorkingFolder = _scratch.Path_("gone"), Command = { "a" } }));
}
