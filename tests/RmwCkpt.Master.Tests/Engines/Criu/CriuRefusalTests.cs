using System.Net.Sockets;
using RmwCkpt.Master.Engines.Criu;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Engines.Criu;

/// <summary>What of a process stands in a snapshot's way: a process with a connection, as other programs have them.</summary>
public sealed class CriuRefusalTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void A_Unix_connection_is_named_with_its_descriptor_and_where_it_leads()
    {
        var path = _scratch.Path_("bus");
        using var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        server.Bind(new UnixDomainSocketEndPoint(path));
        server.Listen();
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(path));
        using var accepted = server.Accept();
        var nothing = Posix.Open("/dev/null", Posix.ReadWrite | Posix.CloseOnExec, 0);
        var pid = Posix.Spawn(
            "/bin/sleep", ["sleep", "1000"], [], "/",
            [(nothing, 0), (nothing, 1), (nothing, 2), ((int)client.SafeHandle.DangerousGetHandle(), 9)], newSession: true);
        try
        {
            var why = CriuRefusal.Explain(
                pid, ["(00.01) Error (criu/sk-unix.c:903): unix: External socket is used. Consider using --ext-unix-sk option."]);
            Assert.Equal(
                $"fd 9 is a Unix connection to {path} (criu: unix: External socket is used. Consider using --ext-unix-sk option.)", why);
        }
        finally
        {
            Posix.Kill(pid, Posix.SigKill);
            Posix.WaitFor(pid);
            Posix.Close(nothing);
        }
    }

    [Fact]
    public void A_lock_is_named_with_its_file()
    {
        var path = _scratch.Path_("locked");
        var fd = Posix.Open(path, Posix.ReadWrite | Posix.Make | Posix.CloseOnExec, 0x180);
        Posix.Lock(fd, wait: false);
        var why = CriuRefusal.Explain(Posix.ProcessId, ["(00.01) Error (criu/file-lock.c:120): Some file locks are hold by dumping tasks!"]);
        Posix.Close(fd);
        Assert.Contains($"fd {fd} holds a lock on {path}", why, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_that_needs_what_goes_with_the_process_is_known_to_be_void()
    {
        Assert.Equal("", CriuRefusal.Doubt([new ImageFile("/dev/shm/image", 2, 0, 32, [])]));
        Assert.Contains("/dev/shm/sem.x", CriuRefusal.Doubt([new ImageFile("/dev/shm/sem.x", 2, 0, 32, [])]), StringComparison.Ordinal);
    }

    [Fact]
    public void Else_it_is_what_CRIU_says() => Assert.Equal(
        "criu: Can't dump half of a pipe; Dumping FAILED.",
        CriuRefusal.Explain(
            Posix.ProcessId,
            ["(00.012345) Error (criu/x.c:12): Can't dump half of a pipe", "Error (criu/cr-dump.c:2111): Dumping FAILED."]));
}
