using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Entities;

namespace RmwCkpt.Middleware.Messages;

/// <summary>One log that an endpoint reads. The log's writer rings this process until the last of its sources is disposed.</summary>
public sealed class Source : IDisposable
{
    private readonly Readership _readership;

    public Source(Gid writer, LogReader reader, Readership readership)
    {
        Writer = writer;
        Reader = reader;
        Lifespan = EndpointHead.Qos(reader.Head).Lifespan is > 0 and var lifespan ? lifespan : Qos.Infinite;
        _readership = readership;
        _readership.Add(this);
    }

    public Gid Writer { get; }

    public LogReader Reader { get; }

    /// <summary>How long the writer's messages are good for, ns.</summary>
    public long Lifespan { get; }

    /// <summary>The last message that was there before its reader was, or 0: these always obey the reader's depth.</summary>
    public long Latched { get; set; }

    /// <summary>The log's number in this process' journal, once it has one. (A number is never given anew.)</summary>
    public uint? Number { get; set; }

    /// <summary>The writer is gone: read what is left, then drop the source.</summary>
    public bool Orphaned { get; set; }

    public void Dispose()
    {
        _readership.Remove(this);
        Reader.Dispose();
    }
}

/// <summary>Which sources of this process read each log: what the bit in the log's head stands for. Thread-safe.</summary>
public sealed class Readership(uint slot)
{
    private readonly Dictionary<Gid, HashSet<Source>> _sources = [];

    public void Add(Source source)
    {
        lock (_sources)
        {
            if (!_sources.TryGetValue(source.Writer, out var all))
            {
                _sources.Add(source.Writer, all = []);
            }
            all.Add(source);
            source.Reader.Head.AddReader(slot);
        }
    }

    /// <summary>Sets the bits again: a later incarnation of this process, now rolled back, may have removed some.</summary>
    public void Renew()
    {
        lock (_sources)
        {
            foreach (var all in _sources.Values)
            {
                all.First().Reader.Head.AddReader(slot);
                foreach (var source in all)
                {
                    source.Reader.AwaitAgain();
                }
            }
        }
    }

    /// <summary>Before the source's log is unmapped.</summary>
    public void Remove(Source source)
    {
        lock (_sources)
        {
            if (_sources.TryGetValue(source.Writer, out var all) && all.Remove(source) && all.Count == 0)
            {
                _sources.Remove(source.Writer);
                source.Reader.Head.RemoveReader(slot);
            }
        }
    }
}
