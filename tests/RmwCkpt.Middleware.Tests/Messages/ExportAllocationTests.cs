using System.Reflection;
using System.Runtime.InteropServices;
using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Processes;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Tests.Messages;

/// <summary>The functions of ckpt.h by which messages go, called as C calls them: they leave nothing for a collector either.</summary>
public sealed class ExportAllocationTests(ExportAllocationTests.Exported exported) : IClassFixture<ExportAllocationTests.Exported>, IDisposable
{
    private readonly LoneSession _domain = exported.Domain;
    private readonly uint _handle = exported.Handle;
    private readonly NativeBuffer _memory = new();

    /// <summary>A session that C knows. It stays in this process' table, as one would that nobody finalizes.</summary>
    public sealed class Exported : IDisposable
    {
        public Exported() => Handle = ProcessContext.Current.Handles.Add(() => Domain.Session);

        public uint Handle { get; }

        internal LoneSession Domain { get; } = new();

        public void Dispose() => Domain.Dispose();
    }

    private delegate int OfEntity(uint entity);

    private delegate int OfWords(uint entity, nint words);

    private delegate int Begin(uint entity, nint answers, ulong size, nint reservation);

    private delegate int End(uint entity, nint reservation, ulong size, nint sequence);

    private delegate int Wait(uint session, nint ids, nint ready, nuint count, nuint guards, long timeout);

    private delegate long Clock(int clock, long real);

    private Session Session => _domain.Session;

    private Region Words => _memory.Ensure(256);

    private nint At(int offset) => Words.Slice(offset, 8).Address;

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Publishing_waiting_and_taking_allocate_nothing()
    {
        var (begin, end, wait) = (Get<Begin>("ckpt_publish_begin"), Get<End>("ckpt_publish_end"), Get<Wait>("ckpt_wait"));
        var (take, taken) = (Get<OfWords>("ckpt_take_begin"), Get<OfWords>("ckpt_take_end"));
        var publisher = _domain.Publish(Qos.Default);
        var subscription = _domain.Subscribe(Qos.Default);
        Assert.True(Session.Logs.TryRead(subscription, publisher.Gid));
        var (says, hears) = (_handle | publisher.Id, _handle | subscription.Id);
        Words.Write(0, hears);
        var (ids, ready, reservation, sequence, message) = (At(0), At(8), At(16), At(24), At(64));
        var (failed, last) = (0, 0L);
        Allocations.AssertNone(Session, publisher, () =>
        {
            failed += begin(says, 0, 8, reservation) + end(says, reservation, 8, sequence);
            failed += wait(_handle, ids, ready, 1, 0, -1) + take(hears, message) + taken(hears, message);
            last = Words.ReadInt64(64 + CMessage.Sequence);
        });
        Assert.Equal((0, Allocations.Calls), (failed, last));
    }

    [Fact]
    public void Triggers_waits_in_vain_takes_of_nothing_and_clocks_allocate_nothing()
    {
        var (trigger, wait, take) = (Get<OfEntity>("ckpt_trigger"), Get<Wait>("ckpt_wait"), Get<OfWords>("ckpt_take_begin"));
        var (clock, matched) = (Get<Clock>("ckpt_clock"), Get<OfWords>("ckpt_matched"));
        var subscription = _handle | _domain.Subscribe(Qos.Default).Id;
        var guard = _handle | Session.Maker.CreateGuard().Id;
        Words.Write(0, guard);
        var (ids, ready, message) = (At(0), At(8), At(64));
        var (failed, inVain, now) = (0, 0, 0L);
        Allocations.AssertNone(Session, null, () =>
        {
            failed += trigger(guard) + wait(_handle, ids, ready, 1, 1, -1) + take(subscription, message) + matched(subscription, message);
            inVain += wait(_handle, ids, ready, 1, 1, 0) == (int)Code.Timeout ? 1 : 0;
            now = clock(Posix.RealtimeClock, Posix.Now(Posix.RealtimeClock));
        });
        Assert.Equal((0, Allocations.Calls), (failed, inVain));
        Assert.NotEqual(0, now);
    }

    /// <summary>An export as C has it.</summary>
    private static T Get<T>(string name)
        where T : Delegate
    {
        var method = Assembly.Load("libRmwCkpt.Core").GetTypes()
            .SelectMany(x => x.GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public))
            .Single(x => x.GetCustomAttribute<UnmanagedCallersOnlyAttribute>()?.EntryPoint == name);
        return Marshal.GetDelegateForFunctionPointer<T>(method.MethodHandle.GetFunctionPointer());
    }
}
