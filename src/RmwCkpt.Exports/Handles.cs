using RmwCkpt.Middleware;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Exports;

/// <summary>
/// ckpt_id: session (high 8 bits, from 1) and entity in it (low 24). A session's own handle has entity 0. A session that
/// was shut down stays until the last of its contexts is finalized, or is joined again; then its number is used again.
/// </summary>
internal static class Handles
{
    private const int MaxSessions = 255;
    private static readonly Session?[] s_sessions = new Session?[MaxSessions + 1];
    private static readonly int[] s_users = new int[MaxSessions + 1];
    private static readonly int[] s_contexts = new int[MaxSessions + 1];
    private static readonly object s_lock = new();
    private static uint s_last;
    private static volatile bool s_isExiting;

    /// <summary>The session whose clock is this process' ROS time: the oldest.</summary>
    public static Session? ClockSession { get; private set; }

    public static uint Join(int domain)
    {
        lock (s_lock)
        {
            for (uint i = 1; i <= MaxSessions; i++)
            {
                if (s_sessions[i] is { } shared && shared.Folder.Domain == domain)
                {
                    if (s_users[i]++ == 0)
                    {
                        shared.Rejoin();
                    }
                    s_contexts[i]++;
                    return i << 24;
                }
            }
            for (var tried = 0; tried < MaxSessions; tried++)
            {
                // In turn, so that a handle that outlives its session is not another's soon.
                var i = s_last = (s_last % MaxSessions) + 1;
                if (s_sessions[i] is null)
                {
                    MasterStarter.Program ??= Programs.Find();
                    var session = Middleware.Sessions.Session.Join(domain);
                    s_users[i] = s_contexts[i] = 1;
                    Volatile.Write(ref s_sessions[i], session);
                    ClockSession ??= session;
                    return i << 24;
                }
            }
        }
        throw new Failure(Code.Error, $"more than {MaxSessions} contexts in this process are not finalized");
    }

    public static void Leave(uint handle)
    {
        lock (s_lock)
        {
            var session = Session(handle);
            var index = handle >> 24;
            if (s_users[index] > 0 && --s_users[index] == 0)
            {
                session.ShutDown();
            }
        }
    }

    /// <summary>A context, which was shut down, is finalized; with the last of them goes the session.</summary>
    public static void Release(uint handle)
    {
        Session? last = null;
        lock (s_lock)
        {
            var session = Session(handle);
            var index = handle >> 24;
            if (--s_contexts[index] == 0)
            {
                Volatile.Write(ref s_sessions[index], null);
                last = session;
                ClockSession = ClockSession == session ? Array.Find(s_sessions, s => s is not null) : ClockSession;
            }
        }
        last?.Release();
    }

    /// <summary>
    /// This process ends: its exit handlers run. Nothing is taken down or said to the master from here on, as nothing is by one
    /// that is killed: should its end be a failure it is brought back, and finds all that it had.
    /// </summary>
    public static void BeginExit()
    {
        s_isExiting = true;
        foreach (var session in s_sessions)
        {
            session?.MarkExiting();
        }
    }

    public static bool IsExiting => s_isExiting;

    public static Session Session(uint handle) =>
        Find(handle) ?? throw new Failure(Code.Invalid, $"{handle} is no handle of this process");

    /// <summary>The session that a handle names, or null.</summary>
    public static Session? Find(uint handle) =>
        handle >> 24 is > 0 and <= MaxSessions and var index ? Volatile.Read(ref s_sessions[index]) : null;

    public static T Get<T>(uint handle)
        where T : Entity =>
        Session(handle).Get<T>(handle & 0xffffff);

    public static Endpoint Writer(uint handle) =>
        Get<Endpoint>(handle) is { Outbox: not null } endpoint
            ? endpoint
            : throw new Failure(Code.Invalid, $"{handle & 0xffffff} does not write");

    public static Endpoint Reader(uint handle) =>
        Get<Endpoint>(handle) is { Inbox: not null } endpoint
            ? endpoint
            : throw new Failure(Code.Invalid, $"{handle & 0xffffff} does not read");

    public static uint Of(Entity entity, uint near) => (near & 0xff000000) | entity.Id;
}
