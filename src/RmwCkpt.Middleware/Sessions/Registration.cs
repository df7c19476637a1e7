using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using Row = RmwCkpt.Domain.Protocol.Entity;

namespace RmwCkpt.Middleware.Sessions;

/// <summary>
/// What this process says of itself to the master: what it has, one by one, and all of it again to each new master, which
/// may have found a registry that does not know it; and that it leaves. Thread-safe.
/// </summary>
internal sealed class Registration
{
    /// <summary>How long who asks waits for the master's answer.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_leaveTimeout = TimeSpan.FromMilliseconds(500);

    private readonly Session _session;
    private readonly RegistryClient _registry;

    /// <summary>Held while something is said, so that what is said of all is so when it is heard.</summary>
    private readonly object _saying = new();

    /// <summary>The nodes and endpoints that the master was told of.</summary>
    private readonly SortedDictionary<uint, Row> _said = [];

    /// <summary>The number of the master that knows this process.</summary>
    private uint _masters;
    private bool _unregisterFailed;

    public Registration(Session session, RegistryClient registry)
    {
        (_session, _registry) = (session, registry);
        _masters = session.Table.Domain.AcquireUInt32(ProcessTable.Masters);
    }

    /// <summary>Tells of a node or endpoint.</summary>
    /// <exception cref="RegistryException">It was refused, or there is no master to be had.</exception>
    public void Register(Row row)
    {
        var request = new Request { Register = new Register { Process = _session.ProcessId, Entities = { row } } };
        lock (_saying)
        {
            try
            {
                Call(request);
            }
            catch (RegistryException e) when (e.IsNotKnown)
            {
                SayHelloAgain(withEntities: true);
                Call(request);
            }
            _said[row.Entity_] = row;
        }
    }

    /// <summary>Tells that a node or endpoint is no more. Where that fails the next master is told.</summary>
    public void Unregister(uint id)
    {
        var isLeaving = _session.ProcessSlot.IsLeaving;
        if (_unregisterFailed && isLeaving)
        {
            // Where nobody needs a master any more there may be none, or one that does not answer; Leave says it all.
            return;
        }
        try
        {
            lock (_saying)
            {
                _said.Remove(id);
                _registry.Call(
                    new Request { Unregister = new Unregister { Process = _session.ProcessId, Entities = { id } } },
                    isLeaving ? s_leaveTimeout : Patience);
            }
        }
        catch (RegistryException e)
        {
            // Once: who takes down a thousand endpoints without a master needs no more.
            if (!_unregisterFailed && !_session.ProcessSlot.IsLeaving)
            {
                Report.Error($"unregister: {e.Message}");
            }
            _unregisterFailed = true;
        }
    }

    /// <summary>It is in use again, and what is destroyed is said again.</summary>
    public void Rejoin() => _unregisterFailed = false;

    /// <summary>Tells the master that this process has left: its rows in the graph go, its slot may be another's.</summary>
    public void Leave()
    {
        try
        {
            _registry.Call(new Request { Leave = new Leave { Process = _session.ProcessId } }, s_leaveTimeout);
        }
        catch (RegistryException)
        {
            // The mark in the slot says the same when the process ends.
        }
    }

    /// <summary>A master that has begun since the last look is told all.</summary>
    public void SayHelloIfAsked()
    {
        var masters = _session.Table.Domain.AcquireUInt32(ProcessTable.Masters);
        if (masters == _masters || !_session.ProcessSlot.IsOwned || _session.ProcessSlot.IsLeaving)
        {
            return;
        }
        try
        {
            lock (_saying)
            {
                SayHelloAgain(withEntities: true);
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
            Report.Error($"the new master of domain {_session.Folder.Domain} does not know this process: {e.Message}");
        }
    }

    /// <summary>
    /// Says to the master of a run folder that was made again who this process is, has it move there, and says what it has.
    /// Nothing else is said meanwhile.
    /// </summary>
    /// <exception cref="RegistryException">It was refused, or there is no master to be had.</exception>
    public void SayHelloAround(Action move)
    {
        lock (_saying)
        {
            SayHelloAgain(withEntities: false);
            move();
            SayHelloAgain(withEntities: true);
            _masters = _session.Table.Domain.AcquireUInt32(ProcessTable.Masters);
        }
    }

    private void SayHelloAgain(bool withEntities)
    {
        var hello = Greeting.MakeAgain(_session.Primary);
        (hello.Process, hello.Slot, hello.Incarnation) = (_session.ProcessId, _session.SlotIndex, _session.Incarnation);
        if (withEntities)
        {
            hello.Entities.Add(_said.Values);
            lock (_session.ReplayJournal.Gate)
            {
                hello.Complete = !_session.ReplayJournal.Replays();
            }
        }
        Call(new Request { Hello = hello });
    }

    private void Call(Request request) => _session.Process.Masters.CallOrStart(_session.Folder, _registry, request, Patience);
}
