using System.Buffers;
using System.IO.Hashing;
using K4os.Compression.LZ4.Streams;
using ZstdSharp;

namespace RmwCkpt.Cli.Export;

/// <summary>
/// A chunk of an MCAP file: the messages, then, once it is packed, their compressed bytes. Thread-safety: one owner at a time.
/// </summary>
internal sealed class McapChunk(McapCompression compression) : IDisposable
{
    /// <summary>zstd's own default: below it what has noise, as images, gets no smaller than by LZ4, which is faster.</summary>
    private const int ZstdLevel = 3;

    private readonly RecordBuffer _records = new();
    private readonly Compressor? _zstd = compression == McapCompression.Zstd ? new Compressor(ZstdLevel) : null;
    private readonly ArrayBufferWriter<byte> _lz4 = new();
    private byte[] _packed = [];
    private int _packedLength;

    /// <summary>Times and places of the messages, by channel.</summary>
    public SortedDictionary<ushort, List<(ulong Time, ulong Offset)>> Index { get; } = [];

    public ulong First { get; private set; } = ulong.MaxValue;

    public ulong Last { get; private set; }

    /// <summary>Length of the records, not compressed.</summary>
    public int Length => _records.Length;

    /// <summary>Bytes of memory that it has.</summary>
    public long Held => (long)_records.Capacity + _packed.Length + _lz4.Capacity;

    public uint Crc { get; private set; }

    public ReadOnlySpan<byte> Packed => compression switch
    {
        McapCompression.Zstd => _packed.AsSpan(0, _packedLength),
        McapCompression.Lz4 => _lz4.WrittenSpan,
        _ => _records.Written,
    };

    public void Add(ushort channel, uint sequence, ulong logged, ulong published, ReadOnlySpan<byte> data)
    {
        if (!Index.TryGetValue(channel, out var places))
        {
            Index[channel] = places = [];
        }
        places.Add((logged, (ulong)_records.Length));
        (First, Last) = (Math.Min(First, logged), Math.Max(Last, logged));
        var start = _records.Begin(Mcap.Message);
        _records.Write(channel);
        _records.Write(sequence);
        _records.Write(logged);
        _records.Write(published);
        _records.Write(data);
        _records.End(start);
    }

    /// <summary>Sums up and compresses what was added.</summary>
    public void Pack()
    {
        Crc = Crc32.HashToUInt32(_records.Written);
        if (compression == McapCompression.Lz4)
        {
            _lz4.ResetWrittenCount();
            LZ4Frame.Encode(_records.Written, _lz4);
        }
        else if (_zstd is not null)
        {
            var bound = Compressor.GetCompressBound(Length);
            if (_packed.Length < bound)
            {
                _packed = GC.AllocateUninitializedArray<byte>(bound);
            }
            _packedLength = _zstd.Wrap(_records.Written, _packed);
        }
    }

    /// <summary>To be filled again.</summary>
    public void Clear()
    {
        _records.Clear();
        Index.Clear();
        (First, Last) = (ulong.MaxValue, 0);
    }

    public void Dispose() => _zstd?.Dispose();
}
