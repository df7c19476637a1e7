using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Processes;

/// <summary>What may be brought back, and with which rights.</summary>
public sealed class RightsTests
{
    /// <summary>No process of the host has it, or one after it.</summary>
    private const int Pid = 4_200_001;

    private const ulong Nice = 1ul << 23;
    private const ulong All = (1ul << 41) - 1;

    private static Rights Root => new()
    {
        Namespaces = { ["user"] = "user:[1]", ["mnt"] = "mnt:[2]", ["pid"] = "pid:[3]" },
        Root = "8:1:2",
        Permitted = All,
        Effective = All,
        Bounding = All,
        Users = { 0, 0, 0, 0 },
        Groups = { 0, 0, 0, 0 },
    };

    private static Rights User
    {
        get
        {
            var rights = Root;
            (rights.Permitted, rights.Effective) = (0, 0);
            rights.Users.Clear();
            rights.Users.Add([7, 7, 7, 7]);
            return rights;
        }
    }

    private static Rights With(Rights rights, Action<Rights> change)
    {
        change(rights);
        return rights;
    }

    [Fact]
    public void Equals_are_brought_back_as_they_are()
    {
        foreach (var rights in new[] { Root, User, RightsReader.Own })
        {
            Assert.Null(RightsCheck.WhyNotBroughtBack(rights, rights));
            Assert.Null(RightsCheck.WhyNotStartedAgain(rights, rights));
            Assert.Null(RightsCheck.More(rights, rights));
            Assert.True(RightsCheck.AreSame(rights, rights) || rights.Permitted != rights.Bounding);
        }
    }

    [Fact]
    public void What_is_elsewhere_or_hidden_or_has_more_than_the_master_is_not_brought_back()
    {
        Says("mount namespace", With(Root, x => x.Namespaces["mnt"] = "mnt:[9]"), Root);
        Says("user namespace", With(User, x => (x.Namespaces["user"], x.Permitted) = ("user:[9]", Nice)), User);
        Says("process id namespace", With(Root, x => x.Namespaces.Remove("pid")), Root);
        Says("root folder", With(Root, x => x.Root = "8:1:3"), Root);
        Says("label", With(Root, x => x.Label = "confined"), Root);
        Says("users", With(User, x => x.Users[2] = 0), User);
        Says("cap_sys_nice", With(User, x => x.Permitted = x.Ambient = Nice), User);
        Says("dumpable", With(User, x => x.Namespaces.Clear()), User);
        Says("not known", null, Root);

        static void Says(string what, Rights? first, Rights own) =>
            Assert.Contains(what, RightsCheck.WhyNotBroughtBack(first, own), StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_child_cannot_be_given_is_not_started_again()
    {
        Says("seccomp", With(Root, x => (x.Seccomp, x.SeccompFilters) = (2, 1)), Root);
        Says("no_new_privs", User, With(User, x => x.NoNewPrivileges = true));
        Says("cap_setpcap", With(User, x => x.Bounding = 0), User);
        Says("cap_sys_nice", Root, With(Root, x => x.Bounding &= ~Nice));
        Says("cap_sys_nice", With(User, x => x.Permitted = Nice), With(User, x => x.Permitted = Nice));
        Says("groups", With(User, x => x.Supplementary.Add(20)), User);

        static void Says(string what, Rights first, Rights own) =>
            Assert.Contains(what, RightsCheck.WhyNotStartedAgain(first, own), StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_child_can_be_given_is_started_again()
    {
        foreach (var first in new[]
        {
            With(Root, x => (x.Permitted, x.Effective) = (0, 0)), With(Root, x => x.Bounding = Nice),
            With(Root, x => x.NoNewPrivileges = true), With(Root, x => x.Supplementary.Add(20)),
        })
        {
            Assert.Null(RightsCheck.WhyNotBroughtBack(first, Root));
            Assert.Null(RightsCheck.WhyNotStartedAgain(first, Root));
            Assert.False(RightsCheck.AreSame(first, Root));
        }
        Assert.False(RightsCheck.AreSame(User, With(User, x => x.Permitted = x.Ambient = Nice)));
    }

    [Fact]
    public void Root_without_capabilities_does_not_get_them_by_being_started()
    {
        var again = RightsCheck.AfterStart(With(Root, x => x.Permitted = Nice));
        Assert.Equal(Nice, again.Bounding);
        Assert.Equal(All, RightsCheck.AfterStart(User).Bounding);
    }

    [Fact]
    public void More_than_before_is_seen()
    {
        Says("cap_sys_nice", With(Root, x => x.Permitted &= ~Nice), Root);
        Says("cap_sys_nice", With(Root, x => x.Bounding &= ~Nice), Root);
        Says("gain", With(Root, x => x.NoNewPrivileges = true), Root);
        Says("filtered", With(Root, x => x.SeccompFilters = 1), Root);
        Says("groups", Root, With(Root, x => x.Supplementary.Add(20)));
        Says("namespaces", With(Root, x => x.Namespaces["net"] = "net:[9]"), Root);
        Assert.Null(RightsCheck.More(With(Root, x => x.Permitted = 0), Root));
        Assert.Null(RightsCheck.More(With(Root, x => x.Namespaces.Clear()), Root));

        static void Says(string what, Rights first, Rights second) =>
            Assert.Contains(what, RightsCheck.More(second, first), StringComparison.Ordinal);
    }

    [Fact]
    public void Who_cannot_be_brought_back_joins_is_told_so_and_stays_down_whoever_asks()
    {
        using var domain = new FakeDomain();
        domain.RightsOf = pid => pid == Pid ? With(RightsReader.Own.Clone(), x => x.Namespaces["mnt"] = "mnt:[9]") : RightsReader.Own;
        foreach (var pid in new[] { Pid, Pid + 1 })
        {
            var hello = new Request { Hello = new Hello { Policy = new Policy { Engine = EnginePolicy.None } } };
            var process = domain.Call(pid, hello).Welcome.Process;
            domain.Call(pid, new Request { Register = Scratch.Register(process, Scratch.Node(process, 1, $"n{pid - Pid}")) });
        }
        domain.Restart();
        Assert.StartsWith("not brought back: it is in another mount namespace than the master", NoteOf(Pid), StringComparison.Ordinal);
        Assert.Equal("engine=none", NoteOf(Pid + 1));
        var refused = domain.Call(Pid + 2, new Request { Recover = new NodesOrder { Nodes = { "/n0" } } }).Error;
        Assert.Contains("left alone: it is in another mount namespace", refused, StringComparison.Ordinal);
        domain.End(Pid);
        Assert.True(SpinWait.SpinUntil(() => NoteOf(Pid).StartsWith("it died", StringComparison.Ordinal), TimeSpan.FromSeconds(20)));
        Assert.Equal(0u, Status(Pid).Process.Recoveries);

        ProcessStatus Status(int pid) => domain.Call(Pid + 2, new Request { Status = new StatusQuery() }).Status.Processes
            .Single(x => x.Process.Pid == pid);
        string NoteOf(int pid) => Status(pid).Note;
    }

    [Fact]
    public void Who_says_that_it_is_a_dead_node_has_its_own_rights_and_not_the_nodes()
    {
        using var domain = new FakeDomain();
        var welcome = domain.Hello(Pid);
        domain.End(Pid);
        var member = domain.Registry.Find(welcome.Process)!;
        Assert.True(SpinWait.SpinUntil(() => domain.Registry.Look(() => member.Entry.State) == ProcessState.Failed, TimeSpan.FromSeconds(20)));
        domain.RightsOf = _ => With(RightsReader.Own.Clone(), x => x.Namespaces["mnt"] = "mnt:[9]");
        var hello = new Hello { Process = welcome.Process, Slot = welcome.Slot, Incarnation = welcome.Incarnation };
        Assert.Equal("", domain.Call(Pid + 1, new Request { Hello = hello }).Error);
        Assert.Contains("mount namespace", domain.Registry.Find(welcome.Process)!.WhyNotBroughtBack, StringComparison.Ordinal);
    }

    [AdministratorFact]
    public void A_restricted_process_is_started_again_as_restricted()
    {
        var first = RightsReader.Own.Clone();
        first.Permitted = first.Effective = Nice;
        first.NoNewPrivileges = true;
        var order = new Process { Executable = "/bin/sleep", WorkingFolder = "/", Rights = first };
        order.Command.AddRange(["sleep", "100"]);
        using var scratch = new Scratch();
        var result = new NoneEngine().Restore(new RestoreOrder(order, null, HeldStdio.None)
        {
            Domain = 0,
            RunFolder = scratch.Folder.Folder.Root,
            LockFile = scratch.Folder.Folder.Root / "lock",
            OutputFile = _ => scratch.Folder.Folder.Root / "output",
            Lost = (_, _) => { },
        });
        Assert.True(result.Done, result.Why);
        var second = RightsReader.Read(result.Pid)!;
        Posix.Kill(result.Pid, Posix.SigKill);
        Posix.WaitFor(result.Pid);
        Assert.Equal((Nice, Nice, Nice, true), (second.Permitted, second.Effective, second.Bounding, second.NoNewPrivileges));
        Assert.Null(RightsCheck.More(second, first));
        // And the master is what it was.
        Assert.Equal(RightsReader.Own, RightsReader.Read(Posix.ProcessId));
    }
}
