using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Log;
using RmwCkpt.Master.Recovery;
using RmwCkpt.Master.Sweeping;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests;

public sealed class MasterTests
{
    private const int Pid = 1_000_001;

    private static void RegisterNode(FakeDomain domain, int pid, ulong process, string name, int topics = 1)
    {
        var entities = Enumerable.Range(0, topics).Select(i => Scratch.Publisher(process, (uint)i + 2, 1, $"/{name}/{i}"))
            .Prepend(Scratch.Node(process, 1, name)).ToArray();
        Assert.Equal("", domain.Call(pid, new Request { Register = Scratch.Register(process, entities) }).Error);
    }

    private static void Eventually(Func<bool> condition) =>
        Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(20)), "it did not come");

    [Fact]
    public void Who_makes_a_domain_says_how_much_memory_it_may_have()
    {
        using var domain = new FakeDomain();
        var words = new DomainMemory(domain.Registry.Table.Domain);
        Reply Hello(int pid, long? bytes)
        {
            var hello = new Hello();
            if (bytes is { } memory)
            {
                hello.Memory = memory;
            }
            return domain.Call(pid, new Request { Hello = hello });
        }
        Assert.Equal(MemoryPlan.Budget(null, new DriveInfo(domain.Scratch.Folder.Run).TotalSize), words.Budget);
        Assert.Equal("", Hello(100, 50_000_000).Error);
        Assert.Equal(50_000_000, words.Budget);
        Assert.Equal("", Hello(101, null).Error);
        Assert.Equal("", Hello(102, 50_000_000).Error);
        var refused = Hello(103, 60_000_000).Error;
        Assert.Contains("RMW_CKPT_MEMORY is 60000000 bytes here", refused, StringComparison.Ordinal);
        Assert.Contains("share 50000000 bytes", refused, StringComparison.Ordinal);
        Assert.Equal(3, domain.Registry.Members.Count);
        domain.Restart();
        // The former master's table is mapped no more.
        Assert.Equal(50_000_000, new DomainMemory(domain.Registry.Table.Domain).Budget);
    }

    [Fact]
    public void Room_is_kept_from_others_as_long_as_there_are_nodes()
    {
        using var domain = new FakeDomain();
        var (folder, budget) = (domain.Scratch.Folder.Folder, new DomainMemory(domain.Registry.Table.Domain).Budget);
        Assert.Equal(MemoryPlan.Spare(budget), SpareRoom.SizeOf(folder));
        var welcome = domain.Hello(Pid);
        domain.Restart();
        Assert.Equal(MemoryPlan.Spare(budget), SpareRoom.SizeOf(folder));
        Assert.Equal("", domain.Call(Pid, new Request { Leave = new Leave { Process = welcome.Process } }).Error);
        domain.Master.Dispose();
        Assert.Equal(0, SpareRoom.SizeOf(folder));
    }

    [Fact]
    public void A_process_joins_registers_and_leaves()
    {
        using var domain = new FakeDomain();
        using var table = ProcessTable.Open(domain.Scratch.Folder, make: false);
        using var graph = GraphTable.Open(domain.Scratch.Folder);
        var welcome = domain.Hello(Pid);
        var slot = table.Slot(welcome.Slot);
        Assert.True(welcome.Slot > 0);
        Assert.Equal(1u, welcome.Incarnation);
        Assert.Equal(welcome.Process, slot.ReadUInt64(ProcessTable.ProcessId));
        Assert.Equal((uint)ProcessState.Live, slot.ReadUInt32(ProcessTable.State));
        Assert.Equal(-1L, slot.ReadInt64(ProcessTable.LastTake));
        var notice = slot.ReadUInt32(ProcessTable.Notice);
        RegisterNode(domain, Pid, welcome.Process, "talker");
        Eventually(() => slot.AcquireUInt32(ProcessTable.Notice) != notice);
        Assert.Equal(2, graph.RowCount);
        Assert.Equal("", domain.Call(Pid, new Request { Leave = new Leave { Process = welcome.Process } }).Error);
        Assert.Equal((uint)ProcessState.Exited, slot.ReadUInt32(ProcessTable.State));
        Assert.False(GraphRow.TryCopy(graph.Row(0), new byte[GraphTable.RowSize]));
    }

    [Fact]
    public void Hello_said_again_is_the_same_welcome()
    {
        using var domain = new FakeDomain();
        Assert.Equal(domain.Hello(Pid), domain.Hello(Pid));
        Assert.Single(domain.Registry.Members);
    }

    [Fact]
    public void A_process_that_became_another_program_joins_anew_and_its_old_self_has_left()
    {
        using var domain = new FakeDomain();
        var old = domain.Hello(Pid);
        RegisterNode(domain, Pid, old.Process, "before");
        var now = domain.Hello(Pid);
        Assert.NotEqual(old.Process, now.Process);
        Assert.Equal(ProcessState.Exited, domain.Registry.Find(old.Process)!.Entry.State);
    }

    [Fact]
    public void Only_the_process_itself_may_speak_for_it()
    {
        using var domain = new FakeDomain();
        var welcome = domain.Hello(Pid);
        var request = new Request { Register = Scratch.Register(welcome.Process, Scratch.Node(welcome.Process, 1, "x")) };
        Assert.Contains("came from pid", domain.Call(Pid + 1, request).Error, StringComparison.Ordinal);
        Assert.Contains("came from pid",
            domain.Call(Pid + 1, new Request { Leave = new Leave { Process = welcome.Process } }).Error, StringComparison.Ordinal);
        Assert.Contains("next incarnation",
            domain.Call(Pid + 1, new Request { Hello = new Hello { Resume = welcome.Process } }).Error, StringComparison.Ordinal);
    }

    /// <summary>As after `rm -r` of its run folder under it.</summary>
    [Fact]
    public void A_master_that_ends_late_leaves_the_next_ones_socket_alone()
    {
        using var domain = new FakeDomain();
        var socket = domain.Scratch.Folder.Socket.FullName;
        File.Move(socket, $"{socket}.gone");
        using var next = new System.Net.Sockets.Socket(
            System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
        next.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(socket));
        domain.Master.Dispose();
        Assert.True(File.Exists(socket));
        next.Dispose();
        domain.Start();
        Assert.NotEqual(0ul, domain.Hello(Pid).Process);
    }

    [Fact]
    public void The_next_master_knows_all_that_the_last_one_answered()
    {
        using var domain = new FakeDomain();
        var welcome = domain.Hello(Pid);
        RegisterNode(domain, Pid, welcome.Process, "talker", topics: 3);
        using var graph = GraphTable.Open(domain.Scratch.Folder);
        var version = graph.CurrentVersion;
        domain.Restart();
        Assert.True(graph.CurrentVersion > version);
        Assert.Equal(4, domain.Registry.EntityCount);
        Assert.Equal(ProcessState.Live, domain.Registry.Find(welcome.Process)!.Entry.State);
        RegisterNode(domain, Pid, welcome.Process, "talker", topics: 3);
        Assert.Equal(4, graph.RowCount);
        Assert.NotEqual(welcome.Slot, domain.Hello(Pid + 1).Slot);
    }

    [Fact]
    public void A_process_of_another_version_is_refused_and_told_both_and_what_to_do()
    {
        using var domain = new FakeDomain();
        var error = domain.Call(Pid, new Request { Hello = new Hello { Protocol = Versions.Protocol + 1, Version = "9.8.7" } }).Error;
        Assert.Contains("9.8.7", error, StringComparison.Ordinal);
        Assert.Contains(Versions.Release, error, StringComparison.Ordinal);
        Assert.Contains("end all nodes", error, StringComparison.Ordinal);
        Assert.Empty(domain.Registry.Members);
        Assert.Null(Versions.WhyNot(domain.Hello(Pid)));
        Assert.NotNull(Versions.WhyNot(new Welcome()));
    }

    [Fact]
    public void A_table_of_another_version_is_replaced_once_nobody_lives_in_it()
    {
        using var scratch = new Scratch();
        using (var table = ProcessTable.Open(scratch.Folder, make: true))
        {
            table.Domain.Write(ProcessTable.Magic, 0ul);
            table.Slot(1).Write(ProcessTable.State, (uint)ProcessState.Live);
            table.Slot(1).Write(ProcessTable.Pid, (uint)Environment.ProcessId);
            var error = Assert.Throws<IOException>(() => new FakeDomain(scratch)).Message;
            Assert.Contains("end all nodes of the domain", error, StringComparison.Ordinal);
            Assert.Equal(error, ProcessTable.WhyNot(scratch.Folder));
            table.Slot(1).Write(ProcessTable.State, (uint)ProcessState.Exited);
        }
        using var domain = new FakeDomain(scratch);
        Assert.Equal(1u, domain.Hello(Pid).Slot);
        Assert.Null(ProcessTable.WhyNot(scratch.Folder));
    }

    [Fact]
    public void A_death_without_recovery_takes_the_rows_and_is_reported()
    {
        using var domain = new FakeDomain();
        var welcome = domain.Hello(Pid);
        RegisterNode(domain, Pid, welcome.Process, "talker");
        domain.End(Pid);
        Eventually(() => domain.Registry.Find(welcome.Process)!.Entry.State == ProcessState.Failed);
        var status = domain.Call(Pid + 1, new Request { Status = new StatusQuery() }).Status;
        var process = Assert.Single(status.Processes);
        Assert.Equal("final", process.State);
        Assert.Contains("RMW_CKPT_RECOVER", process.Note, StringComparison.Ordinal);
        Assert.Equal(["/talker"], process.Nodes);
    }

    [Fact]
    public void A_death_while_there_was_no_master_is_found_by_the_next()
    {
        using var domain = new FakeDomain();
        var welcome = domain.Hello(Pid);
        RegisterNode(domain, Pid, welcome.Process, "talker");
        domain.Master.Dispose();
        domain.End(Pid);
        domain.Start();
        Eventually(() => domain.Registry.Find(welcome.Process)!.Entry.State == ProcessState.Failed);
    }

    [Fact]
    public void A_node_of_the_same_name_takes_the_place_of_one_that_stays_down()
    {
        using var domain = new FakeDomain();
        var old = domain.Hello(Pid);
        RegisterNode(domain, Pid, old.Process, "talker");
        domain.End(Pid);
        Eventually(() => domain.Registry.Find(old.Process)!.Entry.State == ProcessState.Failed);
        var now = domain.Hello(Pid + 1);
        RegisterNode(domain, Pid + 1, now.Process, "talker");
        Eventually(() => domain.Registry.Find(old.Process) is null or { Entry.State: ProcessState.Exited });
    }

    [Fact]
    public void Its_end_after_it_left_is_no_death()
    {
        using var domain = new FakeDomain();
        var welcome = domain.Hello(Pid);
        domain.Registry.Find(welcome.Process)!.SlotState = ProcessState.Exited;
        domain.End(Pid);
        Eventually(() => domain.Registry.Find(welcome.Process) is null or { Entry.State: ProcessState.Exited });
    }

    [Fact]
    public void An_emptied_run_folder_makes_the_journal_void()
    {
        using var domain = new FakeDomain();
        domain.Hello(Pid);
        domain.Master.Dispose();
        domain.End(Pid);
        domain.Scratch.Folder.Graph.Unlink();
        domain.Start();
        Assert.Empty(domain.Registry.Members);
    }

    [Fact]
    public void What_is_no_request_costs_only_its_own_connection()
    {
        using var domain = new FakeDomain();
        using var silent = domain.Connect(Pid);
        foreach (var bytes in new byte[][]
        {
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0x7f], [3, 1, 2, 3], [0x80], [0xff, 0xff, 0xff, 0xff, 0x07],
        })
        {
            using var socket = domain.Connect(Pid);
            socket.Send(bytes);
            socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
            Assert.Equal(0, socket.Receive(new byte[16]));
        }
        Assert.NotEqual(0ul, domain.Hello(Pid).Process);
        Assert.NotEmpty(domain.Call(Pid, new Request()).Error);
    }

    [Fact]
    public void A_client_that_says_nothing_is_dropped()
    {
        using var domain = new FakeDomain();
        using var silent = domain.Connect(Pid);
        Assert.Equal(0, silent.Receive(new byte[1]));
    }

    [Fact]
    public async Task Five_hundred_processes_with_ten_endpoints_each_register_at_once()
    {
        using var domain = new FakeDomain();
        // Threads of their own: the pool's, which the master uses too, are few.
        await Task.WhenAll(Enumerable.Range(0, 16).Select(first => Task.Factory.StartNew(
            () =>
            {
                for (var i = first; i < 500; i += 16)
                {
                    var welcome = domain.Hello(Pid + i);
                    RegisterNode(domain, Pid + i, welcome.Process, $"n{i}", topics: 10);
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        using var graph = GraphTable.Open(domain.Scratch.Folder);
        Assert.Equal(5500, graph.RowCount);
        Assert.Equal(500, domain.Registry.Members.Select(m => m.SlotIndex).Distinct().Count());
        domain.Restart();
        Assert.Equal(5500, domain.Registry.EntityCount);
    }

    /// <summary>As after `rm -rf` of the run folder while a master lives: the next nodes' logs are none of its business.</summary>
    [Fact]
    public async Task A_master_whose_folder_is_anothers_by_now_stops_and_touches_nothing()
    {
        using var domain = new FakeDomain();
        var welcome = domain.Hello(Pid);
        domain.Call(Pid, new Request { Leave = new Leave { Process = welcome.Process } });
        domain.Master.Sweeper!.Sweep(0);
        Assert.False(domain.Master.Stopped.IsCompleted);

        Directory.Move(domain.Scratch.Folder.Run, domain.Scratch.Path_("removed"));
        using var another = new RunFolder(domain.Scratch.Folder.Run, domain.Scratch.Folder.State, 0);
        another.Ensure();
        using var writer = LogWriter.Open(another.Log(new Gid(7, 1, 0)), new FixedLimits(0), 0, _ => { });
        writer.Head.AddReader(welcome.Slot);
        domain.Master.Sweeper!.Sweep(long.MaxValue);
        Assert.Contains("removed", await domain.Master.Stopped, StringComparison.Ordinal);
        Assert.True(writer.Head.HasReader(welcome.Slot));
    }

    [Fact]
    public void An_ordered_recovery_that_cannot_be_is_answered_with_the_reason()
    {
        using var domain = new FakeDomain { Executable = "/nowhere" };
        var welcome = domain.Hello(Pid);
        RegisterNode(domain, Pid, welcome.Process, "talker");
        var member = domain.Registry.Find(welcome.Process)!;
        // Nobody watches it: as after a death whose handling failed.
        domain.Supervisor.Watch.Remove(member.Id);
        domain.End(Pid);
        Assert.Equal("dead", Assert.Single(domain.Call(Pid + 1, new Request { Status = new StatusQuery() }).Status.Processes).State);
        var error = domain.Call(Pid + 1, new Request { Recover = new NodesOrder { Nodes = { "talker" } } }).Error;
        Assert.Contains("was not recovered", error, StringComparison.Ordinal);
        Assert.Equal(ProcessState.Failed, member.Entry.State);
    }

    [Fact]
    public void An_unknown_node_is_answered_with_its_nearest_names()
    {
        using var domain = new FakeDomain();
        var welcome = domain.Hello(Pid);
        RegisterNode(domain, Pid, welcome.Process, "talker");
        var error = domain.Call(Pid, new Request { Recover = new NodesOrder { Nodes = { "taker" } } }).Error;
        Assert.Contains("did you mean /talker", error, StringComparison.Ordinal);
    }
}
