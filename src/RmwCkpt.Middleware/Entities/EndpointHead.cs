using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Entities;

/// <summary>
/// The metadata in a log's head: enough to read the log without ROS and without the registry.
/// <code>
///    0 Gid[16]   16 u32 Process (slot)   20 u8 Kind   24 i64 Created   32 Qos[32]   64 TypeHash[40]
///  128 Name[256]   384 Type[256]   640 Node[512] ("/ns/name")
/// </code>
/// </summary>
public static class EndpointHead
{
    private const int GidOffset = 0;
    private const int ProcessOffset = 16;
    private const int KindOffset = 20;
    private const int CreatedOffset = 24;
    private const int QosOffset = 32;
    private const int TypeHashOffset = 64;
    private const int NameOffset = 128;
    private const int TypeOffset = 384;
    private const int NodeOffset = 640;

    public static void Write(
        Region metadata, Gid gid, uint process, EntityKind kind, long created, in Qos qos, byte[]? hash,
        string name, string type, string node)
    {
        gid.Write(metadata.Span(GidOffset, Domain.Gid.Size));
        metadata.Write(ProcessOffset, process);
        metadata.Write(KindOffset, (byte)kind);
        metadata.Write(CreatedOffset, created);
        qos.Write(metadata.Span(QosOffset, Domain.Qos.Size));
        hash?.CopyTo(metadata.Span(TypeHashOffset, GraphRow.TypeHashSize));
        metadata.WriteText(NameOffset, 256, name);
        metadata.WriteText(TypeOffset, 256, type);
        metadata.WriteText(NodeOffset, 512, node);
    }

    public static long Created(LogHead head) => head.Metadata.ReadInt64(CreatedOffset);

    public static Qos Qos(LogHead head) => Domain.Qos.Read(head.Metadata.Span(QosOffset, Domain.Qos.Size));

    public static Gid Gid(LogHead head) => Domain.Gid.Read(head.Metadata.Span(GidOffset, Domain.Gid.Size));

    public static EntityKind Kind(LogHead head) => (EntityKind)head.Metadata.ReadByte(KindOffset);

    public static uint Process(LogHead head) => head.Metadata.ReadUInt32(ProcessOffset);

    public static string Name(LogHead head) => head.Metadata.ReadText(NameOffset, 256);

    public static string Type(LogHead head) => head.Metadata.ReadText(TypeOffset, 256);

    public static string Node(LogHead head) => head.Metadata.ReadText(NodeOffset, 512);

    public static ReadOnlySpan<byte> TypeHash(LogHead head) => head.Metadata.Span(TypeHashOffset, GraphRow.TypeHashSize);
}
