using System.Diagnostics;
using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Messages;

namespace RmwCkpt.Middleware.Tests.Messages;

/// <summary>What an endpoint writes, and what a later incarnation of it says again.</summary>
public sealed class OutboxTests : IDisposable
{
    private readonly LoneSession _domain = new();

    public void Dispose() => _domain.Dispose();

    [Fact]
    public void Messages_are_numbered_and_what_is_given_up_never_was()
    {
        var outbox = _domain.Publish(Qos.Default).Outbox!;
        outbox.Begin(null, 8).Write(0, 1L);
        Assert.Equal(1, outbox.End(8));
        outbox.Begin(null, 8).Write(0, 2L);
        Assert.True(outbox.IsHeld);
        outbox.Abort();
        Assert.False(outbox.IsHeld);
        outbox.Begin(null, 8).Write(0, 3L);
        Assert.Equal(2, outbox.End(8));
        using var reader = LogReader.Open(_domain.Folder.Log(EndpointHead.Gid(outbox.Head)));
        Assert.Equal([1, 3], Numbers(reader));
    }

    [Fact]
    public void What_is_too_large_holds_nothing()
    {
        var outbox = _domain.Publish(Qos.Default).Outbox!;
        Assert.Equal(Code.TooLarge, Assert.Throws<Failure>(() => outbox.Begin(null, long.MaxValue)).Code);
        Assert.Equal(Code.TooLarge, Assert.Throws<Failure>(() => outbox.Begin(null, -1)).Code);
        Assert.False(outbox.IsHeld);
    }

    [Fact]
    public void A_reply_has_its_request_before_it()
    {
        var client = new Gid(5, 6, 7);
        var outbox = _domain.Serve().Outbox!;
        outbox.Begin(new RequestId(client, 9), 8).Write(0, 1L);
        outbox.End(8);
        using var reader = LogReader.Open(_domain.Folder.Log(EndpointHead.Gid(outbox.Head)));
        Assert.True(reader.TryPeek(out var frame));
        Assert.Equal((new RequestId(client, 9), RequestId.Size + 8), (RequestId.Read(frame.Payload), frame.Payload.Length));
        Assert.True(Inbox.IsReplyTo(client, frame));
        Assert.False(Inbox.IsReplyTo(new Gid(5, 6, 8), frame));
    }

    [Fact]
    public void A_later_incarnation_says_nothing_again_but_what_is_new()
    {
        var first = _domain.Publish(Qos.Default);
        LoneSession.Say(first, 1);
        LoneSession.Say(first, 2);
        first.Close();
        var next = new LoneSession(of: _domain);
        var again = next.Publish(Qos.Default);
        LoneSession.Say(again, 1);
        Assert.Equal((1, 0), (next.Session.Slot.ReadInt64(ProcessTable.Suppressed), next.Session.Slot.ReadInt64(ProcessTable.Divergences)));
        // What answers nothing, as a device's reading, is new where it is another, and from then on.
        LoneSession.Say(again, 7);
        LoneSession.Say(again, 2);
        Assert.Equal((1, 0), (next.Session.Slot.ReadInt64(ProcessTable.Suppressed), next.Session.Slot.ReadInt64(ProcessTable.Divergences)));
        using var reader = LogReader.Open(_domain.Folder.Log(again.Gid));
        Assert.Equal([1, 2, 7, 2], Numbers(reader));
    }

    [Fact]
    public void Its_readers_are_rung_and_nobody_else()
    {
        var publisher = _domain.Publish(Qos.Default);
        var table = _domain.Session.Table;
        publisher.Outbox!.Head.AddReader(5);
        var before = (table.Slot(5).ReadUInt32(ProcessTable.Bell), table.Slot(6).ReadUInt32(ProcessTable.Bell));
        LoneSession.Say(publisher, 1);
        Assert.Equal((before.Item1 + 1, before.Item2), (table.Slot(5).ReadUInt32(ProcessTable.Bell), table.Slot(6).ReadUInt32(ProcessTable.Bell)));
    }

    /// <summary>KEEP_ALL on both sides: as other middleware, a publish waits for the reader for a tenth of a second, and is refused then.</summary>
    [Fact]
    public void What_a_living_reader_is_to_miss_nothing_of_is_refused_where_it_reads_nothing()
    {
        var all = Qos.Default with { History = History.KeepAll };
        var (publisher, subscription) = (_domain.Publish(all), _domain.Subscribe(all));
        Assert.True(_domain.Session.Logs.TryRead(subscription, publisher.Gid));
        new DomainMemory(_domain.Session.Table.Domain).Share = 256 * 1024;
        _domain.Session.Slot.Write(ProcessTable.State, (uint)ProcessState.Live);
        var watch = Stopwatch.StartNew();
        var said = 0;
        var refused = Assert.Throws<Failure>(() =>
        {
            for (; said < 10_000; said++)
            {
                watch.Restart();
                publisher.Outbox!.Begin(null, 4000).Write(0, (long)said);
                publisher.Outbox.End(4000);
            }
        });
        Assert.InRange(watch.Elapsed.TotalSeconds, 0.1, 10);
        Assert.Contains("has not read", refused.Message, StringComparison.Ordinal);
        Assert.False(publisher.Outbox!.IsHeld);
        Assert.InRange(said, 40, 80);
        Assert.Equal(Enumerable.Range(0, said).Select(x => (long)x), LoneSession.HearAll(subscription));
        LoneSession.Say(publisher, said);
        Assert.Equal(said, LoneSession.Hear(subscription));

        // A reader that is gone, or may miss something, is not waited for.
        _domain.Session.Slot.Write(ProcessTable.State, (uint)ProcessState.Recovering);
        for (var i = 0; i < 1000; i++)
        {
            publisher.Outbox.Begin(null, 4000);
            publisher.Outbox.End(4000);
        }
    }

    [Fact]
    public void A_slow_reader_is_waited_for_as_long_as_it_takes_messages_and_ten_seconds_at_most()
    {
        var table = _domain.Session.Table;
        var wait = default(ReaderWait);
        int Looks(int every)
        {
            var looks = 0;
            for (; wait.MayGoOn(table, 5); looks++)
            {
                if (every > 0 && looks % every == 0)
                {
                    table.Slot(5).Write(ProcessTable.Taken, table.Slot(5).ReadInt64(ProcessTable.Taken) + 1);
                }
            }
            return looks;
        }
        Assert.InRange(Looks(every: 0), ReaderWait.MostIdle - 1, ReaderWait.MostIdle);
        wait = default;
        Assert.Equal(ReaderWait.Most, Looks(every: ReaderWait.MostIdle - 2));
        wait = default;
        table.Domain.Increment(ProcessTable.Freezing);
        Assert.Equal(ReaderWait.Most, Looks(every: 0));
        table.Domain.Decrement(ProcessTable.Freezing);
    }

    [Fact]
    public async Task What_is_lent_waits_for_its_reader_too()
    {
        var all = Qos.Default with { History = History.KeepAll };
        var (publisher, subscription) = (_domain.Publish(all), _domain.Subscribe(all));
        Assert.True(_domain.Session.Logs.TryRead(subscription, publisher.Gid));
        new DomainMemory(_domain.Session.Table.Domain).Share = 1 << 20;
        _domain.Session.Slot.Write(ProcessTable.State, (uint)ProcessState.Live);
        void Lend(long number)
        {
            var lent = publisher.Outbox!.Borrow(40_000);
            lent.Write(0, number);
            try
            {
                Assert.True(publisher.Outbox.Publish(lent.Address, 40_000));
            }
            catch (Failure)
            {
                Assert.True(publisher.Outbox.Return(lent.Address));
                throw;
            }
        }
        var said = 0;
        // Refused, but not at once: it has looked often.
        var watch = new Stopwatch();
        Assert.Throws<Failure>(() =>
        {
            for (; said < 1000; said++)
            {
                watch.Restart();
                Lend(said);
            }
        });
        Assert.InRange(watch.Elapsed.TotalSeconds, 0.09, 20);
        // While it waits the reader reads.
        var next = Task.Run(() => Lend(said));
        var heard = new List<long>();
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                heard.AddRange(LoneSession.HearAll(subscription));
                return next.IsCompleted;
            },
            TimeSpan.FromSeconds(20)));
        await next;
        heard.AddRange(LoneSession.HearAll(subscription));
        Assert.Equal(Enumerable.Range(0, said + 1).Select(x => (long)x), heard);
    }

    [Fact]
    public void Who_publishes_where_another_thread_has_destroyed_the_publisher_meanwhile_is_told()
    {
        var publisher = _domain.Publish(Qos.Default);
        var outbox = publisher.Outbox!;
        publisher.Close();
        Assert.Contains("is destroyed", Assert.Throws<Failure>(() => outbox.Begin(null, 8)).Message, StringComparison.Ordinal);
        Assert.False(outbox.IsHeld);
    }

    [Fact]
    public void Who_waits_for_a_reader_holds_up_no_other_thread_but_those_that_publish_here()
    {
        var all = Qos.Default with { History = History.KeepAll };
        var (publisher, subscription) = (_domain.Publish(all), _domain.Subscribe(all));
        Assert.True(_domain.Session.Logs.TryRead(subscription, publisher.Gid));
        new DomainMemory(_domain.Session.Table.Domain).Share = 256 * 1024;
        _domain.Session.Slot.Write(ProcessTable.State, (uint)ProcessState.Live);
        // It may be a snapshot that holds up the reader: ten seconds.
        _domain.Session.Table.Domain.Increment(ProcessTable.Freezing);
        var (said, failure) = (0L, (Exception?)null);
        var waiting = Start(() =>
        {
            for (; ; said++)
            {
                publisher.Outbox!.Begin(null, 4000).Write(0, said);
                publisher.Outbox.End(4000);
            }
        });
        AwaitSleep(waiting, from: 40);
        var next = Start(() => LoneSession.Say(publisher, -1));
        AwaitSleep(next, from: 40);

        var watch = Stopwatch.StartNew();
        publisher.Outbox!.Trim();
        publisher.Outbox.DetachLoans();
        publisher.Outbox.RenewLoans();
        publisher.Outbox.RingAgain();
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 5);
        Assert.True(waiting.IsAlive && next.IsAlive);
        // What comes later is later in the log too.
        var until = said;
        var heard = new List<long>();
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                heard.AddRange(LoneSession.HearAll(subscription));
                return heard.Contains(-1);
            },
            TimeSpan.FromSeconds(20)));
        Assert.True(heard.IndexOf(-1) > heard.IndexOf(until));
        Assert.True(next.Join(TimeSpan.FromSeconds(20)));

        AwaitSleep(waiting, from: until + 1);
        publisher.Close();
        Assert.True(waiting.Join(TimeSpan.FromSeconds(5)));
        Assert.Contains("is destroyed", failure?.Message, StringComparison.Ordinal);
        _domain.Session.Table.Domain.Decrement(ProcessTable.Freezing);

        Thread Start(Action body)
        {
            var thread = new Thread(() =>
            {
                try
                {
                    body();
                }
                catch (Failure e)
                {
                    failure = e;
                }
            });
            thread.Start();
            return thread;
        }

        // The log is full with some 64.
        void AwaitSleep(Thread thread, long from) => Assert.True(SpinWait.SpinUntil(
            () => Volatile.Read(ref said) >= from && thread.ThreadState.HasFlag(System.Threading.ThreadState.WaitSleepJoin),
            TimeSpan.FromSeconds(20)));
    }

    /// <summary>The master may look late: until then all logs together grow by what it has granted, and new ones are small.</summary>
    [Fact]
    public void Many_that_join_at_once_and_are_busy_stay_in_the_memory_though_nobody_looks()
    {
        const long Granted = 4 << 20;
        var memory = new DomainMemory(_domain.Session.Table.Domain) { Share = 2 << 20, MostGrown = Granted };
        var publishers = new List<Endpoint>();
        void Publish(int times)
        {
            for (var i = 0; i < times; i++)
            {
                foreach (var publisher in publishers)
                {
                    publisher.Outbox!.Begin(null, 4000);
                    publisher.Outbox.End(4000);
                }
            }
        }
        // More than one alone may keep; then several that share what there is.
        publishers.Add(_domain.Publish(Qos.Default));
        Publish(2000);
        Assert.InRange(Size(publishers), 1 << 20, 3 << 20);
        while (publishers.Count < 4)
        {
            publishers.Add(_domain.Publish(Qos.Default));
        }
        Publish(2000);
        Assert.InRange(Size(publishers), Granted * 3 / 4, Granted + (Granted / 8));

        // What newcomers begin with, those that have more give back.
        while (publishers.Count < 24)
        {
            publishers.Add(_domain.Publish(Qos.Default));
        }
        Publish(2000);
        Assert.InRange(Size(publishers), Granted * 3 / 4, Granted + (Granted / 8));
        Assert.All(publishers, x => Assert.InRange(Size([x]), ILogLimits.Least / 2, Granted));
        var counted = memory.Grown;
        Assert.Equal(Size(publishers) + Journal.FileSize, counted);

        // Then it looks.
        memory.MostGrown = counted + Granted;
        Publish(2000);
        Assert.InRange(Size(publishers), Granted * 3 / 2, (2 * Granted) + (Granted / 4));
    }

    private long Size(IEnumerable<Endpoint> publishers) =>
        publishers.Sum(x => new DirectoryInfo(_domain.Folder.Log(x.Gid).ToString()).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length));

    private static List<long> Numbers(LogReader reader)
    {
        var all = new List<long>();
        for (; reader.TryPeek(out var frame); reader.Advance())
        {
            all.Add(frame.Payload.ReadInt64(0));
        }
        return all;
    }
}
