using RmwCkpt.Log;
using RmwCkpt.Registry;

namespace RmwCkpt.Middleware;

/// <summary>One log that an endpoint reads.</summary>
public sealed class Source(Gid writer, LogReader reader) : IDisposable
{
    public Gid Writer { get; } = writer;

    public LogReader Reader { get; } = reader;

    /// <summary>How long the writer's messages are good for, ns.</summary>
    public long Lifespan { get; } = EndpointHead.Qos(reader.Head).Lifespan is > 0 and var lifespan ? lifespan : Qos.Infinite;

    /// <summary>The log's number in this process' journal, once it has one. (A number is never given anew.)</summary>
    public uint? Number { get; set; }

    /// <summary>The writer is gone: read what is left, then drop the source.</summary>
    public bool Orphaned { get; set; }

    public void Dispose() => Reader.Dispose();
}
