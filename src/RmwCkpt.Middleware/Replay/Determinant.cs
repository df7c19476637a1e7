namespace RmwCkpt.Middleware.Replay;

/// <summary>
/// What a journal's cell means. Together they are all that made an execution what it was, as far as the middleware can
/// know: which message each take got, what each wait returned, what time it was, what a graph query said. A cell's role says
/// which thread it is of (<see cref="Roles"/>).
/// </summary>
public enum Determinant : byte
{
    /// <summary>A clock was read. Detail: the clock; value: ns.</summary>
    Time = 1,

    /// <summary>A wait found this entity ready. Detail: how many more cells belong to the same wait.</summary>
    Ready = 2,

    /// <summary>A wait ended by time-out. Entity: the first that was waited for.</summary>
    TimedOut = 3,

    /// <summary>A take got a message. Detail: the log's number in this journal; value: sequence.</summary>
    Take = 4,

    /// <summary>A take found nothing.</summary>
    Nothing = 5,

    /// <summary>Names a log by a number. Detail: the number; value: its process id. LogEntity follows.</summary>
    LogProcess = 6,

    /// <summary>Detail: the number; value: entity and domain (high half) of the log's gid.</summary>
    LogEntity = 7,

    /// <summary>An endpoint began to read a log. Detail: the log's number; value: the first sequence it may take.</summary>
    Match = 8,

    /// <summary>A query of the graph was answered. Entity: whose, or 0; value: the answer.</summary>
    Query = 9,

    /// <summary>Random bytes were read. Detail: how many were asked for; value: eight of them, or the last.</summary>
    Random = 10,

    /// <summary>
    /// What a role did from a cell on (value) is not done again, nor in any later life. Entity: 0; else it is so of all roles.
    /// </summary>
    Void = 11,

    /// <summary>A wait found this timer due.</summary>
    Due = 12,

    /// <summary>A timer was called, which is to it what a take is to a subscription. Detail: its clock, or 2; value: ns.</summary>
    Call = 13,
}
