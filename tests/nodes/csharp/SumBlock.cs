using RmwCkpt.Client;
using RmwCkpt.Memory;

/// <summary>
/// A sum in a large message that says nothing else: the sum before, the sum, then its lowest byte again and again. What a
/// incarnation has written of one is all that it remembers of the sum.
/// </summary>
internal readonly record struct SumBlock(long Sum) : IMessage<SumBlock>
{
    private const int BlockSize = 128 * 1024;
    private const int Before = 0;
    private const int Now = 8;
    private const int Rest = 16;

    public static MessageType Type { get; } = new("ckpt_nodes/msg/SumBlock", "data", 8);

    public int Size => BlockSize;

    /// <summary>Writes all of it, as a copy.</summary>
    public void Write(Span<byte> body)
    {
        BitConverter.TryWriteBytes(body[Now..], Sum);
        body[Rest..].Fill((byte)Sum);
    }

    /// <summary>One that has been begun after this one.</summary>
    public Region Begin(Publisher<SumBlock> publisher)
    {
        var block = publisher.Borrow(BlockSize);
        Renew(block);
        return block;
    }

    /// <summary>What is remembered becomes this sum.</summary>
    public void Renew(Region block) => block.Write(Before, Sum);

    /// <summary>The sum that comes next, of what is remembered.</summary>
    public static SumBlock Next(Region block, long number) => new(block.ReadInt64(Before) + number);

    /// <summary>Writes the rest of one.</summary>
    public void End(Region block) => Write(block.All);

    public static SumBlock Read(ReadOnlySpan<byte> body)
    {
        var sum = BitConverter.ToInt64(body[Now..]);
        return body.Length == BlockSize && !body[Rest..].ContainsAnyExcept((byte)sum)
            ? new SumBlock(sum)
            : throw new InvalidDataException($"a block of {body.Length} bytes that are not all of the sum {sum}");
    }
}
