using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Processes;

namespace RmwCkpt.Master.Tests.Processes;

/// <summary>Whether a command is still what it was.</summary>
public sealed class ProgramFilesTests : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly ProcessFacts _facts;

    public ProgramFilesTests()
    {
        foreach (var name in new[] { "python", "node.py", "robot.yaml", "log" })
        {
            File.WriteAllText(_scratch.Path_(name), name);
        }
        File.CreateSymbolicLink(_scratch.Path_("python3"), _scratch.Path_("python"));
        _facts = new ProcessFacts
        {
            Pid = Environment.ProcessId,
            Executable = _scratch.Path_("python3"),
            Folder = Path.GetDirectoryName(_scratch.Path_("x"))!,
            Command = ["python3", "node.py", "--params-file", "robot.yaml", "--output", "log", "--params-file", "gone"],
        };
    }

    public void Dispose() => _scratch.Dispose();

    private Process Joined()
    {
        var process = new Process();
        foreach (var (path, content) in ProgramFiles.Of(_facts))
        {
            process.Program.Add(path, content);
        }
        return process;
    }

    [Fact]
    public void Untouched_nothing_has_changed()
    {
        var process = Joined();
        Assert.Equal(3, process.Program.Count);
        Assert.Null(ProgramFiles.Changed(process));
        // What it writes itself is none of its program.
        File.AppendAllText(_scratch.Path_("log"), "x");
        Assert.Null(ProgramFiles.Changed(process));
        Assert.DoesNotContain(ProgramFiles.Of(_facts with { Command = ["record", "log"] }), x => x.Key == _scratch.Path_("log"));
    }

    [Theory]
    [InlineData("python", "python3")]
    [InlineData("node.py", "node.py")]
    [InlineData("robot.yaml", "robot.yaml")]
    public void What_was_written_anew_or_removed_is_named(string name, string named)
    {
        var process = Joined();
        File.WriteAllText(_scratch.Path_(name), "another " + name);
        Assert.Equal(_scratch.Path_(named), ProgramFiles.Changed(process));
        File.Delete(_scratch.Path_(name));
        Assert.Equal(_scratch.Path_(named), ProgramFiles.Changed(process));
    }
}
