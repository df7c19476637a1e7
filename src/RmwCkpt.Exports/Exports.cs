using System.Runtime.InteropServices;
using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Graph;
using RmwCkpt.Middleware.Processes;
using RmwCkpt.Middleware.Replay;

namespace RmwCkpt.Exports;

/// <summary>The functions of ckpt.h about sessions, entities and the graph. Each body: do it, or keep the failure.</summary>
internal static class Exports
{
    /// <summary>An address inside this library.</summary>
    public static nint Address => Symbols.AddressOf("ckpt_init");

    private static Handles Handles => ProcessContext.Current.Handles;

    [UnmanagedCallersOnly(EntryPoint = "ckpt_error")]
    private static void Error(nint buffer, nuint size) => Guarded.CopyError(buffer, (int)Math.Min(size, 65536));

    [UnmanagedCallersOnly(EntryPoint = "ckpt_init")]
    private static int Init(uint domain, nint session)
    {
        try
        {
            ProcessContext.Current.Masters.Program ??= Programs.Find();
            new Region(session, 4).Write(0, Handles.Join(checked((int)domain)));
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_shutdown")]
    private static int Shutdown(uint session)
    {
        try
        {
            if (!Handles.IsExiting)
            {
                Handles.Leave(session);
            }
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_fini")]
    private static int Fini(uint session)
    {
        try
        {
            if (!Handles.IsExiting)
            {
                Handles.Release(session);
            }
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_leave")]
    private static void Leave() => Handles.BeginExit();

    [UnmanagedCallersOnly(EntryPoint = "ckpt_asked")]
    private static int Asked(uint session, nint place)
    {
        try
        {
            // The oldest instead of one that is gone; and it is the master of its primary domain who judges its end.
            var joined = Handles.Find(session) ?? Handles.ClockSession ?? throw new Failure(Code.Invalid, "nothing has joined a domain");
            joined = joined.Primary ?? joined;
            var words = new Region(place, CAskedPlace.Size);
            words.Write(CAskedPlace.Owner, (long)joined.Slot.Pointer(ProcessTable.ProcessId, 8));
            words.Write(CAskedPlace.Process, joined.ProcessId);
            words.Write(CAskedPlace.AskedAt, (long)joined.Slot.Pointer(ProcessTable.AskedAt, 8));
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_host_lock")]
    private static void SetHostLock(nint letGo, nint takeBack) => HostLock.Set(letGo, takeBack);

    [UnmanagedCallersOnly(EntryPoint = "ckpt_snapshots")]
    private static int Snapshots(uint session, nint place)
    {
        try
        {
            var joined = Handles.Session(session);
            joined = joined.Primary ?? joined;
            var words = new Region(place, CSnapshotsPlace.Size);
            words.Write(CSnapshotsPlace.Page, (long)joined.SnapshotPlace.PageAddress());
            words.Write(CSnapshotsPlace.Claim, (long)joined.Slot.Pointer(ProcessTable.Claim, 8));
            words.Write(CSnapshotsPlace.Incarnation, (long)joined.Slot.Pointer(ProcessTable.Incarnation, 4));
            words.Write(CSnapshotsPlace.Pid, (long)joined.Slot.Pointer(ProcessTable.Pid, 4));
            words.Write(CSnapshotsPlace.Folder, (long)joined.Slot.Pointer(ProcessTable.Folder, 4));
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_random")]
    private static void Random(nint bytes, nuint size)
    {
        try
        {
            if (Handles.ClockSession is not { } session || size > ReplayJournal.MaxRandom)
            {
                return;
            }
            lock (session.ReplayJournal.Gate)
            {
                if (!session.IsReleased)
                {
                    session.ReplayJournal.ReadRandom(new Region(bytes, (int)size).All);
                }
            }
        }
        catch (Exception e)
        {
            Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_create_node")]
    private static int CreateNode(uint session, nint name, nint nameSpace, nint enclave, nint node)
    {
        try
        {
            var made = Handles.Session(session).Maker.CreateNode(Text(name), Text(nameSpace), Text(enclave));
            new Region(node, 4).Write(0, Handles.Of(made, session));
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_node_graph_guard")]
    private static int NodeGraphGuard(uint node, nint guard)
    {
        try
        {
            new Region(guard, 4).Write(0, Handles.Of(Handles.Get<Node>(node).GraphGuard, node));
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_create_publisher")]
    private static int CreatePublisher(uint node, nint options, nint id) => CreateEndpoint(EntityKind.Publisher, node, options, id);

    [UnmanagedCallersOnly(EntryPoint = "ckpt_create_subscription")]
    private static int CreateSubscription(uint node, nint options, nint id) =>
        CreateEndpoint(EntityKind.Subscription, node, options, id);

    [UnmanagedCallersOnly(EntryPoint = "ckpt_create_service")]
    private static int CreateService(uint node, nint options, nint id) => CreateEndpoint(EntityKind.Service, node, options, id);

    [UnmanagedCallersOnly(EntryPoint = "ckpt_create_client")]
    private static int CreateClient(uint node, nint options, nint id) => CreateEndpoint(EntityKind.Client, node, options, id);

    [UnmanagedCallersOnly(EntryPoint = "ckpt_create_guard")]
    private static int CreateGuard(uint session, nint guard)
    {
        try
        {
            new Region(guard, 4).Write(0, Handles.Of(Handles.Session(session).Maker.CreateGuard(), session));
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_create_event")]
    private static int CreateEvent(uint entity, int kind, nint id)
    {
        try
        {
            var endpoint = Handles.Get<Endpoint>(entity);
            if (!Enum.IsDefined((EventKind)kind))
            {
                return Guarded.Fail(Code.Unsupported, $"event {kind} is not supported");
            }
            new Region(id, 4).Write(0, Handles.Of(endpoint.Session.Maker.CreateEvent(endpoint, (EventKind)kind), entity));
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_assert_liveliness")]
    private static int AssertLiveliness(uint publisher)
    {
        try
        {
            Handles.Writer(publisher).AssertLiveliness();
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_destroy")]
    private static int Destroy(uint entity)
    {
        try
        {
            // What a context held went with it, when it was finalized.
            if (!Handles.IsExiting)
            {
                Handles.Find(entity)?.Maker.Destroy(entity & 0xffffff);
            }
            else
            {
                // It stays, but for what the shim frees.
                Handles.Find(entity)?.Callbacks.Remove(entity & 0xffffff);
            }
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_gid")]
    private static int Gid(uint entity, nint gid)
    {
        try
        {
            Handles.Get<Endpoint>(entity).Gid.Write(new Region(gid, Domain.Gid.Size).All);
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_count")]
    private static int Count(uint session, int kind, nint name, nint count)
    {
        try
        {
            var asked = Handles.Session(session);
            var found = GraphQueries.Count(asked.GraphTable, (EntityKind)kind, Symbols.Bytes(name));
            new Region(count, 8).Write(0, asked.Query((uint)kind, found));
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_matched")]
    private static int Matched(uint entity, nint count)
    {
        try
        {
            var endpoint = Handles.Get<Endpoint>(entity);
            new Region(count, 8).Write(0, endpoint.Session.Query(endpoint.Id, endpoint.Matched));
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_service_available")]
    private static int ServiceAvailable(uint client, nint available)
    {
        try
        {
            var endpoint = Handles.Get<Endpoint>(client);
            var served = endpoint.Session.Query(endpoint.Id, endpoint.Session.Matcher.IsServed(endpoint) ? 1 : 0);
            new Region(available, 1).Write(0, (byte)served);
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_graph")]
    private static int Graph(uint session, nint entries, nuint capacity, nint count)
    {
        try
        {
            var bytes = entries == 0 ? 0 : checked((int)capacity * GraphTable.RowSize);
            var found = GraphQueries.Copy(Handles.Session(session).GraphTable, bytes == 0 ? [] : new Region(entries, bytes).All);
            new Region(count, 8).Write(0, (long)found);
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_take_event")]
    private static int TakeEvent(uint handle, nint status)
    {
        try
        {
            var now = Handles.Get<StatusEvent>(handle).Take();
            var region = new Region(status, CEventStatus.Size);
            region.Write(CEventStatus.Total, now.Total);
            region.Write(CEventStatus.TotalChange, now.TotalChange);
            region.Write(CEventStatus.Current, now.Current);
            region.Write(CEventStatus.CurrentChange, now.CurrentChange);
            region.Write(CEventStatus.LastPolicy, (int)now.LastPolicy);
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    private static int CreateEndpoint(EntityKind kind, uint node, nint options, nint id)
    {
        try
        {
            var owner = Handles.Get<Node>(node);
            var endpoint = owner.Session.Maker.CreateEndpoint(kind, owner, ReadOptions(options));
            new Region(id, 4).Write(0, Handles.Of(endpoint, node));
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    private static EndpointOptions ReadOptions(nint options)
    {
        if (options == 0)
        {
            throw new Failure(Code.Invalid, "the endpoint's options are NULL");
        }
        var region = new Region(options, COptions.Size);
        var hash = (nint)region.ReadInt64(COptions.TypeHash);
        var description = (nint)region.ReadInt64(COptions.Description);
        return new EndpointOptions(
            Text((nint)region.ReadInt64(COptions.Topic)), Text((nint)region.ReadInt64(COptions.Type)),
            Qos.Read(region.Span(COptions.Qos, Qos.Size)),
            hash == 0 ? null : new Region(hash, GraphRow.TypeHashSize).All.ToArray(),
            description == 0 ? null : () => Text(description), region.ReadByte(COptions.IgnoreLocal) != 0);
    }

    private static string Text(nint text) =>
        Marshal.PtrToStringUTF8(text) ?? throw new Failure(Code.Invalid, "a name is NULL");
}
