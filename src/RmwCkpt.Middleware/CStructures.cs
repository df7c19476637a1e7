namespace RmwCkpt.Middleware;

// Where the members of ckpt.h's structures are, bytes, on each 64-bit machine. tests/shim/test_layout.cpp has the C++
// compiler say the same. (ckpt_qos: Qos; ckpt_request_id: RequestId; ckpt_graph_entry: GraphRow.)

/// <summary>ckpt_reservation.</summary>
internal static class CReservation
{
    public const int Data = 0;
    public const int Size = 8;
}

/// <summary>ckpt_message.</summary>
internal static class CMessage
{
    public const int Data = 0;
    public const int Length = 8;
    public const int Sequence = 16;
    public const int SourceTime = 24;
    public const int Writer = 32;
    public const int Request = 48;
    public const int Taken = 72;
    public const int Size = 80;
}

/// <summary>ckpt_endpoint_options.</summary>
internal static class COptions
{
    public const int Topic = 0;
    public const int Type = 8;
    public const int TypeHash = 16;
    public const int Description = 24;
    public const int Qos = 32;
    public const int IgnoreLocal = 64;
    public const int Size = 72;
}

/// <summary>ckpt_event_status.</summary>
internal static class CEventStatus
{
    public const int Total = 0;
    public const int TotalChange = 8;
    public const int Current = 16;
    public const int CurrentChange = 24;
    public const int LastPolicy = 32;
    public const int Size = 40;
}

/// <summary>ckpt_snapshots_place: what the thread that takes snapshots by fork goes by.</summary>
internal static class CSnapshotsPlace
{
    public const int Page = 0;
    public const int Claim = 8;
    public const int Incarnation = 16;
    public const int Pid = 24;
    public const int Folder = 32;
    public const int Size = 40;
}

/// <summary>ckpt_asked_place: where a signal handler notes when the process was asked to end.</summary>
internal static class CAskedPlace
{
    public const int Size = 24;

    /// <summary>Where the process table says whose the place is.</summary>
    public const int Owner = 0;
    public const int Process = 8;
    public const int AskedAt = 16;
}
