using System.IO.Hashing;

namespace RmwCkpt.Cli.Export;

/// <summary>
/// Writes an MCAP file (<see cref="Mcap"/>) from its beginning to its end: schemas and channels, messages in chunks that other
/// threads compress meanwhile, indexes and statistics. Has a few chunks in memory, and what the indexes need of each.
/// Thread-safety: one caller at a time.
/// </summary>
internal sealed class McapWriter : IDisposable
{
    /// <summary>Bytes of messages in a chunk, before it is compressed; one message may be larger.</summary>
    private const int ChunkSize = 1 << 20;

    /// <summary>A chunk with more memory, for a large message, is not kept for the next ones.</summary>
    private const int MostHeld = 4 * ChunkSize;

    private readonly Stream _file;
    private readonly McapCompression _compression;
    private readonly RecordBuffer _record = new();
    private readonly RecordBuffer _schemas = new();
    private readonly RecordBuffer _channels = new();
    private readonly RecordBuffer _metadataIndexes = new();
    private readonly List<RecordBuffer> _chunkIndexes = [new()];
    private readonly SortedDictionary<ushort, ulong> _counts = [];
    private readonly Queue<(McapChunk Chunk, Task Packing)> _underWay = [];
    private readonly Stack<McapChunk> _free = [];
    private readonly Crc32 _crc = new();
    private McapChunk _chunk;
    private long _position;
    private ushort _schemaCount;
    private ushort _channelCount;
    private uint _metadataCount;
    private uint _chunkCount;
    private ulong _first = ulong.MaxValue;
    private ulong _last;

    /// <param name="file">Is written forwards only, and stays the caller's.</param>
    public McapWriter(Stream file, McapCompression compression, string profile, string library)
    {
        _file = file;
        _compression = compression;
        _chunk = new McapChunk(compression);
        Put(Mcap.Magic);
        var start = _record.Begin(Mcap.Header);
        _record.Write(profile);
        _record.Write(library);
        _record.End(start);
        PutRecord();
    }

    /// <summary>Returns the schema's id.</summary>
    public ushort AddSchema(string name, string encoding, ReadOnlySpan<byte> data)
    {
        var start = _record.Begin(Mcap.Schema);
        _record.Write(checked(++_schemaCount));
        _record.Write(name);
        _record.Write(encoding);
        _record.Write((uint)data.Length);
        _record.Write(data);
        _record.End(start);
        _schemas.Write(_record.Written);
        PutRecord();
        return _schemaCount;
    }

    /// <summary>Returns the channel's id.</summary>
    public ushort AddChannel(ushort schema, string topic, string encoding, IReadOnlyCollection<KeyValuePair<string, string>> metadata)
    {
        var start = _record.Begin(Mcap.Channel);
        _record.Write(checked(++_channelCount));
        _record.Write(schema);
        _record.Write(topic);
        _record.Write(encoding);
        _record.Write(metadata);
        _record.End(start);
        _channels.Write(_record.Written);
        PutRecord();
        _counts[_channelCount] = 0;
        return _channelCount;
    }

    public void AddMetadata(string name, IReadOnlyCollection<KeyValuePair<string, string>> metadata)
    {
        var start = _record.Begin(Mcap.Metadata);
        _record.Write(name);
        _record.Write(metadata);
        _record.End(start);
        var index = _metadataIndexes.Begin(Mcap.MetadataIndex);
        _metadataIndexes.Write((ulong)_position);
        _metadataIndexes.Write((ulong)_record.Length);
        _metadataIndexes.Write(name);
        _metadataIndexes.End(index);
        _metadataCount++;
        PutRecord();
    }

    /// <param name="logged">By which it is found, ns since the epoch; as of <paramref name="published"/>.</param>
    public void AddMessage(ushort channel, uint sequence, ulong logged, ulong published, ReadOnlySpan<byte> data)
    {
        if (_chunk.Length > 0 && (long)_chunk.Length + Mcap.RecordHead + Mcap.MessageHead + data.Length > ChunkSize)
        {
            PassOn();
        }
        _chunk.Add(channel, sequence, logged, published, data);
        _counts[channel]++;
    }

    /// <summary>Writes what is left, and all that comes after the messages.</summary>
    public void Finish()
    {
        if (_chunk.Length > 0)
        {
            PassOn();
        }
        while (_underWay.Count > 0)
        {
            PutChunk();
        }
        var start = _record.Begin(Mcap.DataEnd);
        _record.Write(_crc.GetCurrentHashAsUInt32());
        _record.End(start);
        PutRecord();
        PutSummary();
        Put(Mcap.Magic);
    }

    /// <summary>Has the chunk compressed, and begins another one.</summary>
    private void PassOn()
    {
        var chunk = _chunk;
        _underWay.Enqueue((chunk, Task.Run(chunk.Pack)));
        while (_underWay.Count > Environment.ProcessorCount || (_underWay.Count > 0 && _underWay.Peek().Packing.IsCompleted))
        {
            PutChunk();
        }
        _chunk = _free.Count > 0 ? _free.Pop() : new McapChunk(_compression);
    }

    /// <summary>Writes the first chunk that is under way, and its indexes.</summary>
    private void PutChunk()
    {
        var (chunk, packing) = _underWay.Dequeue();
        packing.GetAwaiter().GetResult();
        var packed = chunk.Packed;
        var at = _position;
        var start = _record.Begin(Mcap.Chunk);
        WriteTimes(_record, chunk.First, chunk.Last);
        _record.Write((ulong)chunk.Length);
        _record.Write(chunk.Crc);
        _record.Write(Mcap.NameOf(_compression));
        _record.Write((ulong)packed.Length);
        _record.Write(packed);
        _record.End(start);
        PutRecord();
        PutIndexes(chunk, at, packed.Length);
        (_first, _last) = (Math.Min(_first, chunk.First), Math.Max(_last, chunk.Last));
        _chunkCount++;
        chunk.Clear();
        if (chunk.Held <= MostHeld)
        {
            _free.Push(chunk);
        }
        else
        {
            chunk.Dispose();
        }
    }

    private void PutIndexes(McapChunk chunk, long at, int packed)
    {
        var end = _position;
        var index = _chunkIndexes[^1];
        if (index.Length > ChunkSize)
        {
            _chunkIndexes.Add(index = new RecordBuffer());
        }
        var start = index.Begin(Mcap.ChunkIndex);
        WriteTimes(index, chunk.First, chunk.Last);
        index.Write((ulong)at);
        index.Write((ulong)(end - at));
        var map = index.BeginList();
        foreach (var (channel, places) in chunk.Index)
        {
            index.Write(channel);
            index.Write((ulong)_position);
            var record = _record.Begin(Mcap.MessageIndex);
            _record.Write(channel);
            var list = _record.BeginList();
            foreach (var (time, offset) in places)
            {
                _record.Write(time);
                _record.Write(offset);
            }
            _record.EndList(list);
            _record.End(record);
            PutRecord();
        }
        index.EndList(map);
        index.Write((ulong)(_position - end));
        index.Write(Mcap.NameOf(_compression));
        index.Write((ulong)packed);
        index.Write((ulong)chunk.Length);
        index.End(start);
    }

    private void PutSummary()
    {
        var start = _position;
        _crc.Reset();
        var offsets = new RecordBuffer();
        PutGroup(Mcap.Schema, [_schemas], offsets);
        PutGroup(Mcap.Channel, [_channels], offsets);
        PutGroup(Mcap.Statistics, [Statistics()], offsets);
        PutGroup(Mcap.ChunkIndex, _chunkIndexes, offsets);
        PutGroup(Mcap.MetadataIndex, [_metadataIndexes], offsets);
        var offsetsStart = _position;
        Put(offsets.Written);
        var footer = _record.Begin(Mcap.Footer);
        _record.Write((ulong)start);
        _record.Write((ulong)offsetsStart);
        // Of the record itself too, as far as this: its head, with the length that it will have.
        _record.Write(0u);
        _record.End(footer);
        _crc.Append(_record.Written[..^4]);
        var crc = _crc.GetCurrentHashAsUInt32();
        _record.Clear();
        footer = _record.Begin(Mcap.Footer);
        _record.Write((ulong)start);
        _record.Write((ulong)offsetsStart);
        _record.Write(crc);
        _record.End(footer);
        PutRecord();
    }

    private void PutGroup(byte op, List<RecordBuffer> records, RecordBuffer offsets)
    {
        var at = _position;
        foreach (var part in records)
        {
            Put(part.Written);
        }
        if (_position == at)
        {
            return;
        }
        var start = offsets.Begin(Mcap.SummaryOffset);
        offsets.Write(op);
        offsets.Write((ulong)at);
        offsets.Write((ulong)(_position - at));
        offsets.End(start);
    }

    private RecordBuffer Statistics()
    {
        var statistics = new RecordBuffer();
        var start = statistics.Begin(Mcap.Statistics);
        statistics.Write(_counts.Values.Aggregate(0ul, (sum, x) => sum + x));
        statistics.Write(_schemaCount);
        statistics.Write((uint)_channelCount);
        statistics.Write(0u);
        statistics.Write(_metadataCount);
        statistics.Write(_chunkCount);
        WriteTimes(statistics, _first, _last);
        var counts = statistics.BeginList();
        foreach (var (channel, count) in _counts)
        {
            statistics.Write(channel);
            statistics.Write(count);
        }
        statistics.EndList(counts);
        statistics.End(start);
        return statistics;
    }

    /// <summary>The first and the last of some times; zeroes where there is none.</summary>
    private static void WriteTimes(RecordBuffer record, ulong first, ulong last)
    {
        record.Write(Math.Min(first, last));
        record.Write(last);
    }

    private void PutRecord()
    {
        Put(_record.Written);
        _record.Clear();
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        _file.Write(bytes);
        _crc.Append(bytes);
        _position += bytes.Length;
    }

    public void Dispose()
    {
        foreach (var (chunk, packing) in _underWay)
        {
            Task.WaitAny(packing);
            chunk.Dispose();
        }
        foreach (var chunk in _free)
        {
            chunk.Dispose();
        }
        _chunk.Dispose();
    }
}
