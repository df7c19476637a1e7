using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using Row = RmwCkpt.Domain.Protocol.Entity;

namespace RmwCkpt.Middleware.Sessions;

/// <summary>
/// What this process says of itself to the master: what it has, one by one, and all of it again to each new master, which
/// may have found a registry that does not know it.
/// </summary>
public sealed partial class Session
{
    /// <summary>Held while something is said, so that what is said of all is so when it is heard.</summary>
    private readonly object _saying = new();

    /// <summary>The nodes and endpoints that the master was told of.</summary>
    private readonly SortedDictionary<uint, Row> _said = [];

    /// <summary>The number of the master that knows this process.</summary>
    private uint _masters;

    /// <summary>Tells of a node or endpoint.</summary>
    /// <exception cref="RegistryException">It was refused, or there is no master to be had.</exception>
    private void Say(Row row)
    {
        var request = new Request { Register = new Register { Process = ProcessId, Entities = { row } } };
        lock (_saying)
        {
            try
            {
                MasterStarter.CallOrStart(Folder, _registry, request, s_registryTimeout);
            }
            catch (RegistryException e) when (e.IsNotKnown)
            {
                SayHelloAgain();
                MasterStarter.CallOrStart(Folder, _registry, request, s_registryTimeout);
            }
            _said[row.Entity_] = row;
        }
    }

    /// <summary>Tells that a node or endpoint is no more.</summary>
    /// <exception cref="RegistryException">It was refused, or there is no master; the next one is told.</exception>
    private void SayGone(uint id, TimeSpan timeout)
    {
        lock (_saying)
        {
            _said.Remove(id);
            _registry.Call(
                new Request { Unregister = new Unregister { Process = ProcessId, Entities = { id } } }, timeout);
        }
    }

    /// <summary>A master that has begun since the last look is told all.</summary>
    private void SayHelloIfAsked()
    {
        var masters = Table.Domain.AcquireUInt32(ProcessTable.Masters);
        if (masters == _masters || !OwnsSlot || IsLeaving)
        {
            return;
        }
        try
        {
            lock (_saying)
            {
                SayHelloAgain();
            }
            _masters = masters;
        }
        catch (RegistryException e) when (e.NoMaster)
        {
            // The next one asks again.
        }
        catch (RegistryException e)
        {
            _masters = masters;
            Report.Error($"the new master of domain {Folder.Domain} does not know this process: {e.Message}");
        }
    }

    private void SayHelloAgain(bool withEntities = true)
    {
        var hello = Greeting.MakeAgain(Home);
        (hello.Process, hello.Slot, hello.Incarnation) = (ProcessId, SlotIndex, Incarnation);
        if (withEntities)
        {
            hello.Entities.Add(_said.Values);
            lock (Determinants.Gate)
            {
                hello.Complete = !Determinants.Replays();
            }
        }
        MasterStarter.CallOrStart(Folder, _registry, new Request { Hello = hello }, s_registryTimeout);
    }
}
