using System.Net.Sockets;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Middleware.Entities;

namespace RmwCkpt.Middleware.Tests.Sessions;

/// <summary>Sessions whose run folder somebody removes, in a domain whose master knows everybody.</summary>
public sealed class RemovedFolderTests
{
    private const int Rounds = 80;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task One_that_is_released_in_that_moment_is_moved_whole_or_not_at_all()
    {
        var random = new Random(1);
        var moved = 0;
        for (var round = 0; round < Rounds; round++)
        {
            using var lone = new LoneSession();
            var publisher = lone.Publish(Qos.Default);
            var gid = publisher.Gid;
            LoneSession.Say(publisher, round);
            using var table = lone.Remove();
            using var master = new KnowingMaster(lone.Folder.Run);
            using var start = new Barrier(2);
            var delay = random.Next(60_000);
            var move = Run(start, lone.Session.Relocation.MoveIfDisplaced);
            var release = Run(start, () =>
            {
                Thread.SpinWait(delay);
                lone.Session.Release();
            });
            await Task.WhenAll(move, release).WaitAsync(s_patience);
            Assert.True(lone.Session.IsReleased);
            lone.Session.Relocation.MoveIfDisplaced();
            var isMoved = Directory.Exists(Path.Combine(lone.Folder.Run, "processes", $"{9:x16}"));
            moved += isMoved ? 1 : 0;
            Assert.Equal(isMoved, File.Exists(Path.Combine(lone.Folder.Run, "logs", gid.ToString(), "head")));
        }
        // Both come first now and then, or nothing was tried.
        Assert.InRange(moved, 1, Rounds - 1);
    }

    [Fact]
    public void The_descriptions_of_its_types_are_written_again()
    {
        using var lone = new LoneSession();
        byte[] hash = [1, 2, 3];
        var descriptions = new TypeDescriptions(lone.Folder);
        descriptions.Keep(new EndpointOptions("/t", "a/msg/B", Qos.Default, hash, () => "{}"));
        var file = TypeDescriptions.PathOf(lone.Folder, hash).FullName;
        Assert.Equal("{}", File.ReadAllText(file));
        using var table = lone.Remove();
        Assert.False(File.Exists(file));
        lone.Folder.Ensure();
        descriptions.KeepAgain();
        Assert.Equal("{}", File.ReadAllText(file));
    }

    [Fact]
    public void What_is_removed_once_more_while_it_looks_for_its_master_is_in_the_last_folder_all_the_same()
    {
        using var lone = new LoneSession();
        byte[] hash = [1, 2, 3];
        var publisher = lone.Publish(Qos.Default);
        lone.Session.Descriptions.Keep(new EndpointOptions("/t", "a/msg/B", Qos.Default, hash, () => "{}"));
        using var table = lone.Remove();
        KnowingMaster? next = null;
        using var master = new KnowingMaster(lone.Folder.Run, () =>
        {
            lone.Remove().Dispose();
            // As who calls a master that is gone does.
            lone.Folder.Ensure();
            next = new KnowingMaster(lone.Folder.Run);
        });
        lone.Session.Relocation.MoveIfDisplaced();
        next?.Dispose();
        Assert.Equal("{}", File.ReadAllText(TypeDescriptions.PathOf(lone.Folder, hash).FullName));
        Assert.True(File.Exists(Path.Combine(lone.Folder.Run, "logs", publisher.Gid.ToString(), "head")));
    }

    private static Task Run(Barrier start, Action body) => Task.Factory.StartNew(
        () =>
        {
            start.SignalAndWait();
            body();
        },
        CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Answers each request with yes.</summary>
    private sealed class KnowingMaster : IDisposable
    {
        private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        private readonly Task _answering;
        private Action? _before;

        /// <param name="before">Done before the first answer.</param>
        public KnowingMaster(string run, Action? before = null)
        {
            _before = before;
            _socket.Bind(new UnixDomainSocketEndPoint(Path.Combine(run, "master.sock")));
            _socket.Listen();
            _answering = Task.Run(Answer);
        }

        public void Dispose()
        {
            _socket.Dispose();
            _answering.Wait();
        }

        private async Task Answer()
        {
            try
            {
                while (true)
                {
                    using var client = await _socket.AcceptAsync();
                    using var stream = new NetworkStream(client);
                    Request.Parser.ParseDelimitedFrom(stream);
                    Interlocked.Exchange(ref _before, null)?.Invoke();
                    stream.Write(Delimited.ToBytes(new Reply { Welcome = new Welcome() }));
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Disposed.
            }
        }
    }
}
