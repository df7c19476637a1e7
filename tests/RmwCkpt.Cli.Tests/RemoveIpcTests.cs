using RmwCkpt.Cli.Commands;

namespace RmwCkpt.Cli.Tests;

public sealed class RemoveIpcTests : IDisposable
{
    private const string Run = "/dev/shm/rmw_ckpt-1000/0";
    private readonly string _root = Directory.CreateTempSubdirectory("rmw_ckpt-root").FullName;

    public RemoveIpcTests() => Write("usr/lib/systemd/systemd-logind", "");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void It_is_the_default()
    {
        Assert.Contains("enable-linger alice", Warning(), StringComparison.Ordinal);
        Write("etc/systemd/logind.conf", "[Login]\n#RemoveIPC=no\n");
        Assert.NotNull(Warning());
    }

    [Theory]
    [InlineData("etc/systemd/logind.conf")]
    [InlineData("etc/systemd/logind.conf.d/50-keep.conf")]
    [InlineData("usr/lib/systemd/logind.conf.d/50-keep.conf")]
    public void It_may_be_off(string file)
    {
        Write(file, "[Login]\nRemoveIPC = no\n");
        Assert.Null(Warning());
    }

    [Fact]
    public void The_last_word_counts_and_a_file_in_etc_hides_one_of_its_name()
    {
        Write("etc/systemd/logind.conf", "RemoveIPC=no\n");
        Write("usr/lib/systemd/logind.conf.d/10.conf", "RemoveIPC=yes\n");
        Assert.NotNull(Warning());
        Write("etc/systemd/logind.conf.d/10.conf", "");
        Assert.Null(Warning());
    }

    [Fact]
    public void Some_users_and_folders_are_left_alone()
    {
        Assert.Null(new RemoveIpc(_root).Warning(Run, 999, "robot"));
        Assert.Null(new RemoveIpc(_root).Warning("/run/robot/0/run", 1000, "alice"));
        Write("var/lib/systemd/linger/alice", "");
        Assert.Null(Warning());
    }

    [Fact]
    public void Without_logind_nobody_removes_anything()
    {
        File.Delete(Path.Combine(_root, "usr/lib/systemd/systemd-logind"));
        Assert.Null(Warning());
    }

    private string? Warning() => new RemoveIpc(_root).Warning(Run, 1000, "alice");

    private void Write(string file, string text)
    {
        var path = Path.Combine(_root, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
