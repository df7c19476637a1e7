namespace RmwCkpt.Cli.Export;

/// <summary>How the chunks of an MCAP file are compressed.</summary>
internal enum McapCompression
{
    Zstd,
    Lz4,
    None,
}

/// <summary>
/// The layout of an MCAP file, as https://mcap.dev/spec has it.
/// <code>
/// file     Magic, Header, Schema and Channel of all, (Chunk, its MessageIndexes)..., Metadata..., DataEnd,
///          summary: Schemas, Channels, Statistics, ChunkIndexes, MetadataIndexes; a SummaryOffset for each of these groups,
///          Footer, Magic
/// record   0 u8 op   1 u64 length of what follows   9 fields, one after the other, not aligned
/// string   u32 length, UTF-8. Array and map: u32 length in bytes, elements. Times: u64 ns since the epoch. CRC32: zlib's
///
///  1 Header         string profile, string library
///  2 Footer         u64 start of the summary, u64 start of the summary offsets, u32 CRC32 from the first of these to here
///  3 Schema         u16 id from 1, string name, string encoding, u32 length and bytes
///  4 Channel        u16 id, u16 schema, string topic, string encoding, map of string to string
///  5 Message        u16 channel, u32 sequence, u64 logged, u64 published, bytes
///  6 Chunk          u64 first time, u64 last time, u64 length of the records, u32 their CRC32, string compression,
///                   u64 compressed length and bytes
///  7 MessageIndex   u16 channel, array of (u64 time, u64 offset in the records)
///  8 ChunkIndex     u64 first time, u64 last time, u64 where the chunk is, u64 its length, map of u16 channel to u64 where its
///                   index is, u64 length of all indexes, string compression, u64 compressed length, u64 length of the records
/// 11 Statistics     u64 messages, u16 schemas, u32 channels, u32 attachments, u32 metadata, u32 chunks, u64 first time,
///                   u64 last time, map of u16 channel to u64 messages
/// 12 Metadata       string name, map of string to string
/// 13 MetadataIndex  u64 where it is, u64 its length, string name
/// 14 SummaryOffset  u8 op of the group, u64 where it is, u64 its length
/// 15 DataEnd        u32 CRC32 of all before
/// </code>
/// </summary>
internal static class Mcap
{
    public const byte Header = 1;
    public const byte Footer = 2;
    public const byte Schema = 3;
    public const byte Channel = 4;
    public const byte Message = 5;
    public const byte Chunk = 6;
    public const byte MessageIndex = 7;
    public const byte ChunkIndex = 8;
    public const byte Statistics = 11;
    public const byte Metadata = 12;
    public const byte MetadataIndex = 13;
    public const byte SummaryOffset = 14;
    public const byte DataEnd = 15;

    /// <summary>Bytes of a record before its fields.</summary>
    public const int RecordHead = 9;

    /// <summary>Bytes of a message's fields before its data.</summary>
    public const int MessageHead = 22;

    public static ReadOnlySpan<byte> Magic => [0x89, (byte)'M', (byte)'C', (byte)'A', (byte)'P', (byte)'0', (byte)'\r', (byte)'\n'];

    /// <summary>What a chunk says of its compression.</summary>
    public static string NameOf(McapCompression compression) => compression switch
    {
        McapCompression.Zstd => "zstd",
        McapCompression.Lz4 => "lz4",
        _ => "",
    };
}
