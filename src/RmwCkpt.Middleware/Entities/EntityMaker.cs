using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Sessions;
using Row = RmwCkpt.Domain.Protocol.Entity;

namespace RmwCkpt.Middleware.Entities;

/// <summary>
/// Makes a session's entities and destroys them. Nodes and endpoints are said to the master; endpoints are matched. Thread-safe.
/// </summary>
public sealed class EntityMaker(Session session)
{
    public Node CreateNode(string name, string nameSpace, string enclave)
    {
        var graphGuard = CreateGuard(isOfGraph: true);
        var node = session.EntityTable.Add(id => new Node(session, id, name, nameSpace, enclave, graphGuard), reuse: false);
        session.EntityTable.Follow(node);
        try
        {
            Register(node, new Row { Name = name, Type = nameSpace, Enclave = enclave, Created = Posix.Now(Posix.RealtimeClock) });
        }
        catch
        {
            session.EntityTable.Unfollow(node);
            Destroy(graphGuard.Id);
            throw;
        }
        return node;
    }

    public Guard CreateGuard(bool isOfGraph = false) =>
        session.EntityTable.Add(id => new Guard(session, id) { IsOfGraph = isOfGraph }, reuse: true);

    public StatusEvent CreateEvent(Endpoint endpoint, EventKind kind) => session.EntityTable.Add<StatusEvent>(
        id => kind is EventKind.LivelinessChanged or EventKind.LivelinessLost or EventKind.OfferedDeadlineMissed
            or EventKind.RequestedDeadlineMissed
            ? new TimedEvent(session, id, endpoint, kind)
            : new MatchEvent(session, id, endpoint, kind),
        reuse: true);

    public Endpoint CreateEndpoint(EntityKind kind, Node node, EndpointOptions options)
    {
        if (!options.Qos.IsValid)
        {
            throw new Failure(Code.Invalid, $"the QoS of {options.Topic} has a value that is none");
        }
        session.Descriptions.Keep(options);
        options = options with { Description = null };
        Endpoint endpoint;
        try
        {
            endpoint = session.EntityTable.Add(
                id => new Endpoint(session, id, kind, node, options, session.Query(id, Posix.Now(Posix.RealtimeClock))), reuse: false);
        }
        catch (IOException e)
        {
            var code = e is PosixException { Errno: Posix.Enospc } ? Code.NoSpace : Code.Error;
            throw new Failure(code, $"create the {kind.ToString().ToLowerInvariant()} of {options.Topic}: {e.Message}", e);
        }
        Register(endpoint, RowOf(endpoint));
        try
        {
            session.Matcher.Add(endpoint);
        }
        catch (Exception e)
        {
            Destroy(endpoint.Id);
            throw new Failure(Code.Error, $"match the {kind.ToString().ToLowerInvariant()} of {options.Topic}: {e.Message}", e);
        }
        return endpoint;
    }

    public void Destroy(uint id)
    {
        var entity = session.Find(id) ?? throw new Failure(Code.Invalid, $"{id} is no entity of this process");
        Withdraw(entity);
        if (entity is Node node)
        {
            session.EntityTable.Unfollow(node);
            Destroy(node.GraphGuard.Id);
        }
        if (entity is Node or Endpoint)
        {
            session.Registration.Unregister(id);
        }
        entity.Close();
        if (entity is Guard or StatusEvent)
        {
            session.EntityTable.Free(id);
        }
    }

    /// <summary>Closes what was not destroyed, of a session that is released; the master is told of it by one word for all.</summary>
    internal void CloseAll()
    {
        foreach (var entity in session.Entities)
        {
            if (entity is not null)
            {
                Withdraw(entity);
                entity.Close();
            }
        }
    }

    /// <summary>From here on no call finds it.</summary>
    private void Withdraw(Entity entity)
    {
        session.EntityTable.Remove(entity);
        session.Callbacks.Set(entity, null);
        if (entity is Endpoint endpoint)
        {
            session.Matcher.Remove(endpoint);
        }
    }

    private void Register(Entity entity, Row row)
    {
        row.Entity_ = entity.Id;
        row.Kind = (uint)entity.Kind;
        row.Gid = Bytes(Gid.Size, new Gid(session.ProcessId, entity.Id, (uint)session.Folder.Domain).Write);
        try
        {
            session.Registration.Register(row);
        }
        catch (RegistryException e)
        {
            session.EntityTable.Drop(entity.Id);
            entity.Close();
            throw new Failure(e.NoMaster ? Code.NoMaster : Code.Error, e.Message, e);
        }
    }

    private static Row RowOf(Endpoint endpoint)
    {
        var options = endpoint.Options;
        var row = new Row
        {
            Node = endpoint.Node.Id,
            Qos = Bytes(Qos.Size, options.Qos.Write),
            Created = endpoint.Created,
            Name = options.Topic,
            Type = options.Type,
        };
        if (options.TypeHash is not null)
        {
            row.TypeHash = Google.Protobuf.ByteString.CopyFrom(options.TypeHash);
        }
        return row;
    }

    private delegate void Filler(Span<byte> bytes);

    private static Google.Protobuf.ByteString Bytes(int size, Filler fill)
    {
        var bytes = new byte[size];
        fill(bytes);
        return Google.Protobuf.ByteString.CopyFrom(bytes);
    }
}
