using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Log;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Sweeping;

namespace RmwCkpt.Master.Tests.Registry;

/// <summary>Masters that find processes alive which their journal does not know, or not well.</summary>
public sealed class LivingTests
{
    private const int Pid = 1_000_001;

    /// <summary>What is done to the run folder while there is no master, with two processes alive that the first master knew.</summary>
    public static TheoryData<string> Damages => ["removed", "emptied", "flipped early", "cut to half", "of another boot"];

    [Theory]
    [MemberData(nameof(Damages))]
    public void Who_lives_stays_whatever_the_journal_says(string damage)
    {
        using var domain = new FakeDomain { Executable = "/nowhere" };
        var (talker, listener) = (Join(domain, Pid, "talker"), Join(domain, Pid + 1, "listener"));
        using var log = LogWriter.Open(domain.Scratch.Folder.Log(new Gid(talker.Process, 2, 0)), new FixedLimits(0), 0, _ => { });
        domain.Scratch.Folder.Journal(talker.Process).MakeFolder();
        (domain.Scratch.Folder.Images / $"{listener.Process:x16}").MakeFolder();
        using var table = ProcessTable.Open(domain.Scratch.Folder, make: false);
        var masters = table.Domain.ReadUInt32(ProcessTable.Masters);
        domain.Master.Dispose();
        Damage(domain.Scratch.Folder.RegistryJournal.FullName, damage);
        domain.Start();
        domain.Master.Sweeper!.Sweep(long.MaxValue);

        Assert.True((domain.Scratch.Folder.Log(new Gid(talker.Process, 2, 0)) / LogHead.FileName).Exists);
        Assert.True(domain.Scratch.Folder.Journal(talker.Process).Exists);
        Assert.True((domain.Scratch.Folder.Images / $"{listener.Process:x16}").Exists);
        foreach (var (welcome, name) in new[] { (talker, "/talker"), (listener, "/listener") })
        {
            var member = domain.Registry.Find(welcome.Process)!;
            Assert.Equal((ProcessState.Live, welcome.Slot), (member.Entry.State, member.SlotIndex));
            Assert.Equal([name], member.Entry.NodeNames);
            Assert.Equal(welcome.Process, table.Slot(welcome.Slot).ReadUInt64(ProcessTable.ProcessId));
        }
        Assert.NotEqual(masters, table.Domain.ReadUInt32(ProcessTable.Masters));
        Assert.DoesNotContain(domain.Hello(Pid + 2).Slot, new[] { talker.Slot, listener.Slot });
        domain.End(Pid);
        Assert.True(SpinWait.SpinUntil(
            () => domain.Registry.Find(talker.Process)!.Entry.State == ProcessState.Failed, TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public void Who_has_the_number_of_a_slot_but_not_the_table_is_somebody_else()
    {
        using var domain = new FakeDomain();
        var welcome = Join(domain, Pid, "talker");
        domain.Master.Dispose();
        domain.Scratch.Folder.RegistryJournal.Unlink();
        domain.NotOurs.Add(Pid);
        domain.Start();
        Assert.Null(domain.Registry.Find(welcome.Process));
    }

    [Fact]
    public void A_process_that_says_hello_again_is_what_it_was_and_has_what_it_says()
    {
        using var domain = new FakeDomain();
        var welcome = Join(domain, Pid, "talker");
        domain.Master.Dispose();
        domain.Scratch.Folder.RegistryJournal.Unlink();
        domain.Scratch.Folder.Table.Unlink();
        domain.Strangers.Add(Pid);
        domain.Start();
        Assert.Empty(domain.Registry.Members);
        var unknown = domain.Call(Pid, new Request { Register = Scratch.Register(welcome.Process, Scratch.Node(welcome.Process, 1, "talker")) });
        Assert.True(unknown.NotKnown);

        var again = HelloAgain(domain, Pid, welcome, complete: true, Scratch.Node(welcome.Process, 1, "talker"));
        Assert.Equal(welcome, again.Welcome);
        var member = domain.Registry.Find(welcome.Process)!;
        Assert.Equal(["/talker"], member.Entry.NodeNames);
        HelloAgain(domain, Pid, welcome, complete: false, Scratch.Node(welcome.Process, 3, "other"));
        Assert.Equal(["/talker", "/other"], member.Entry.NodeNames);
        HelloAgain(domain, Pid, welcome, complete: true, Scratch.Node(welcome.Process, 3, "other"));
        Assert.Equal(["/other"], member.Entry.NodeNames);
        domain.End(Pid);
        Assert.True(SpinWait.SpinUntil(() => member.Entry.State == ProcessState.Failed, TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public void Nobody_is_taken_for_another_that_lives()
    {
        using var domain = new FakeDomain();
        var welcome = Join(domain, Pid, "talker");
        Join(domain, Pid + 1, "listener");
        Assert.Contains("says that it is", HelloAgain(domain, Pid + 1, welcome, true).Error, StringComparison.Ordinal);
        var other = new Welcome { Process = welcome.Process - 1, Slot = welcome.Slot };
        Assert.Contains("another process", HelloAgain(domain, Pid + 2, other, true).Error, StringComparison.Ordinal);
        Assert.Equal(Pid, (int)domain.Registry.Find(welcome.Process)!.Entry.Record.Pid);
    }

    [Fact]
    public void Nothing_is_removed_while_somebody_lives_who_may_own_it()
    {
        using var domain = new FakeDomain();
        domain.Master.Dispose();
        var folder = domain.Scratch.Folder.Log(new Gid(7, 1, 0));
        LogWriter.Open(folder, new FixedLimits(0), 0, _ => { }).Dispose();
        domain.Scratch.Folder.Table.Unlink();
        ((IProcessProbe)domain).OpenPidfd(Pid);
        // It has the one mapped that was removed; who has the new one looks on only, and is not waited for.
        domain.Strangers.AddRange([Pid, Pid + 1]);
        domain.NotOurs.Add(Pid);
        ((IProcessProbe)domain).OpenPidfd(Pid + 1);
        domain.Start();
        domain.Master.Sweeper!.Sweep(long.MaxValue);
        Assert.True(folder.Exists);
        domain.End(Pid);
        domain.Master.Sweeper!.Sweep(long.MaxValue);
        Assert.False(folder.Exists);
    }

    [Fact]
    public void What_is_in_another_pid_namespace_is_left_alone()
    {
        using var domain = new FakeDomain();
        var welcome = Join(domain, Pid, "talker");
        domain.Master.Dispose();
        domain.PidNamespace = 2;
        domain.End(Pid);
        domain.Start();
        Assert.Equal(ProcessState.Live, domain.Registry.Find(welcome.Process)!.Entry.State);
        Assert.Contains("namespace", Assert.Single(
            domain.Call(Pid + 1, new Request { Status = new StatusQuery() }).Status.Processes).Note, StringComparison.Ordinal);
        domain.Master.Dispose();
        domain.Scratch.Folder.RegistryJournal.Unlink();
        domain.PidNamespace = 1;
        domain.Start();
        Assert.NotEqual(welcome.Slot, domain.Hello(Pid + 1).Slot);
    }

    private static Welcome Join(FakeDomain domain, int pid, string name)
    {
        var welcome = domain.Hello(pid);
        var register = Scratch.Register(
            welcome.Process, Scratch.Node(welcome.Process, 1, name), Scratch.Publisher(welcome.Process, 2, 1, $"/{name}"));
        Assert.Equal("", domain.Call(pid, new Request { Register = register }).Error);
        return welcome;
    }

    private static Reply HelloAgain(FakeDomain domain, int pid, Welcome welcome, bool complete, params Entity[] entities)
    {
        var hello = new Hello { Process = welcome.Process, Slot = welcome.Slot, Incarnation = welcome.Incarnation, Complete = complete };
        hello.Entities.AddRange(entities);
        return domain.Call(pid, new Request { Hello = hello });
    }

    private static void Damage(string journal, string damage)
    {
        var bytes = File.ReadAllBytes(journal);
        switch (damage)
        {
            case "removed":
                File.Delete(journal);
                break;
            case "emptied":
                File.WriteAllBytes(journal, []);
                break;
            case "flipped early":
                bytes[40] ^= 1;
                File.WriteAllBytes(journal, bytes);
                break;
            case "cut to half":
                File.WriteAllBytes(journal, bytes[..(bytes.Length / 2)]);
                break;
            default:
                var records = RegistryTail.Scan(bytes).Records;
                records[0].Head.Boot = "another";
                using (var buffer = new MemoryStream())
                {
                    records.ToList().ForEach(x => RegistryTail.Append(buffer, x));
                    File.WriteAllBytes(journal, buffer.ToArray());
                }
                break;
        }
    }
}
