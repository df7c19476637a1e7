using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Processes;

/// <summary>
/// ckpt_id: session (high 8 bits, from 1) and entity in it (low 24). A session's own handle has entity 0. A session that
/// was shut down stays until the last of its contexts is finalized, or is joined again; then its number is used again.
/// </summary>
internal sealed class Handles(ProcessContext process)
{
    private const int MaxSessions = 255;
    private readonly Session?[] _sessions = new Session?[MaxSessions + 1];
    private readonly int[] _users = new int[MaxSessions + 1];
    private readonly int[] _contexts = new int[MaxSessions + 1];
    private readonly object _lock = new();
    private uint _last;
    private volatile bool _isExiting;

    /// <summary>The session whose clock is this process' ROS time: the oldest.</summary>
    public Session? ClockSession { get; private set; }

    public uint Join(int domain)
    {
        lock (_lock)
        {
            for (uint i = 1; i <= MaxSessions; i++)
            {
                if (_sessions[i] is { } shared && shared.Folder.Domain == domain)
                {
                    if (_users[i]++ == 0)
                    {
                        shared.Rejoin();
                    }
                    _contexts[i]++;
                    return i << 24;
                }
            }
            return Add(() => process.Join(domain));
        }
    }

    /// <summary>The handle of a session that is made if there is room for it.</summary>
    internal uint Add(Func<Session> make)
    {
        lock (_lock)
        {
            for (var tried = 0; tried < MaxSessions; tried++)
            {
                // In turn, so that a handle that outlives its session is not another's soon.
                var i = _last = (_last % MaxSessions) + 1;
                if (_sessions[i] is null)
                {
                    var session = make();
                    _users[i] = _contexts[i] = 1;
                    Volatile.Write(ref _sessions[i], session);
                    ClockSession ??= session;
                    return i << 24;
                }
            }
        }
        throw new Failure(Code.Error, $"more than {MaxSessions} contexts in this process are not finalized");
    }

    public void Leave(uint handle)
    {
        lock (_lock)
        {
            var session = Session(handle);
            var index = handle >> 24;
            if (_users[index] > 0 && --_users[index] == 0)
            {
                session.ShutDown();
            }
        }
    }

    /// <summary>A context, which was shut down, is finalized; with the last of them goes the session.</summary>
    public void Release(uint handle)
    {
        Session? last = null;
        lock (_lock)
        {
            var session = Session(handle);
            var index = handle >> 24;
            if (--_contexts[index] == 0)
            {
                Volatile.Write(ref _sessions[index], null);
                last = session;
                ClockSession = ClockSession == session ? Array.Find(_sessions, s => s is not null) : ClockSession;
            }
        }
        last?.Release();
    }

    /// <summary>
    /// This process ends: its exit handlers run. Nothing is taken down or said to the master from here on, as nothing is by one
    /// that is killed: should its end be a failure it is brought back, and finds all that it had.
    /// </summary>
    public void BeginExit()
    {
        _isExiting = true;
        foreach (var session in _sessions)
        {
            session?.MarkExiting();
        }
    }

    public bool IsExiting => _isExiting;

    public Session Session(uint handle) =>
        Find(handle) ?? throw new Failure(Code.Invalid, $"{handle} is no handle of this process");

    /// <summary>The session that a handle names, or null.</summary>
    public Session? Find(uint handle) =>
        handle >> 24 is > 0 and <= MaxSessions and var index ? Volatile.Read(ref _sessions[index]) : null;

    public T Get<T>(uint handle)
        where T : Entity =>
        Session(handle).Get<T>(handle & 0xffffff);

    public Endpoint Writer(uint handle) =>
        Get<Endpoint>(handle) is { Outbox: not null } endpoint
            ? endpoint
            : throw new Failure(Code.Invalid, $"{handle & 0xffffff} does not write");

    public Endpoint Reader(uint handle) =>
        Get<Endpoint>(handle) is { Inbox: not null } endpoint
            ? endpoint
            : throw new Failure(Code.Invalid, $"{handle & 0xffffff} does not read");

    public static uint Of(Entity entity, uint near) => (near & 0xff000000) | entity.Id;
}
