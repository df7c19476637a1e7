using System.Buffers.Binary;
using Google.Protobuf;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Master.Registry;

/// <summary>How a journal's bytes end.</summary>
public enum TailKind
{
    /// <summary>Every byte belongs to a good record.</summary>
    Clean,

    /// <summary>The last record is unfinished: its writer was killed.</summary>
    Torn,

    /// <summary>A bad record with others after it: not what a kill leaves.</summary>
    Damaged,
}

/// <summary>
/// The registry journal's format, as pure functions over bytes.
/// <code>  record: u32 length of the payload (not 0)   u32 CRC32C of those four bytes and the payload   payload: RegistryRecord</code>
/// </summary>
public static class RegistryTail
{
    public const int HeadSize = 8;
    public const int MaxPayload = 64 << 20;

    /// <summary>The good records from the start, how many bytes they are, and what follows them.</summary>
    public static (IReadOnlyList<RegistryRecord> Records, int Valid, TailKind Kind) Scan(ReadOnlySpan<byte> bytes)
    {
        var records = new List<RegistryRecord>();
        var at = 0;
        while (at < bytes.Length)
        {
            var rest = bytes[at..];
            var whole = WholeRecord(rest);
            if (whole < 0 || !TryParse(rest[HeadSize..whole], out var record))
            {
                return (records, at, EndsHere(rest) ? TailKind.Torn : TailKind.Damaged);
            }
            records.Add(record);
            at += whole;
        }
        return (records, at, TailKind.Clean);
    }

    /// <summary>Appends a record's bytes to <paramref name="buffer"/>.</summary>
    public static void Append(MemoryStream buffer, RegistryRecord record)
    {
        var bytes = new byte[HeadSize + record.CalculateSize()];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, bytes.Length - HeadSize);
        record.WriteTo(bytes.AsSpan(HeadSize));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), Sum(bytes));
        buffer.Write(bytes);
    }

    private static int WholeRecord(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeadSize)
        {
            return -1;
        }
        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        if (length is <= 0 or > MaxPayload || length > bytes.Length - HeadSize)
        {
            return -1;
        }
        var whole = HeadSize + length;
        return Sum(bytes[..whole]) == BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) ? whole : -1;
    }

    private static uint Sum(ReadOnlySpan<byte> record) =>
        ~Checksum.Add(Checksum.Add(Checksum.Seed, record[..4]), record[HeadSize..]);

    /// <summary>Whether no good record begins anywhere in what is left after the bad one's first byte.</summary>
    private static bool EndsHere(ReadOnlySpan<byte> rest)
    {
        for (var at = 1; at + HeadSize < rest.Length; at++)
        {
            if (WholeRecord(rest[at..]) > 0)
            {
                return false;
            }
        }
        return true;
    }

    private static bool TryParse(ReadOnlySpan<byte> payload, out RegistryRecord record)
    {
        try
        {
            record = RegistryRecord.Parser.ParseFrom(payload);
            return record.WhatCase != RegistryRecord.WhatOneofCase.None;
        }
        catch (InvalidProtocolBufferException)
        {
            record = new RegistryRecord();
            return false;
        }
    }
}
