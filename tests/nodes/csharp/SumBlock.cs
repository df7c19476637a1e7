using RmwCkpt.Client;
using RmwCkpt.Memory;

/// <summary>
/// A sum in a large message that says nothing else: the sum before, the sum, then its lowest byte again and again. What a
/// life has written of one is all that it remembers of the sum.
/// </summary>
internal readonly record struct SumBlock(long Sum) : IMessage<SumBlock>
{
    private const int BlockSize = 64 * 1024;
    private const int Before = 0;
    private const int Now = 8;
    private const int Rest = 16;

    public static MessageType Type { get; } = new("ckpt_nodes/msg/SumBlock", "data", 8);

    public int Size => BlockSize;

    public void Write(Span<byte> body) => throw new NotSupportedException("it is written where it is read");

    /// <summary>One that has been begun after this one.</summary>
    public Region Begin(Publisher<SumBlock> publisher)
    {
        var block = publisher.Borrow(BlockSize);
        block.Write(Before, Sum);
        return block;
    }

    /// <summary>Writes the rest of one; the sum.</summary>
    public static long End(Region block, long number)
    {
        var sum = block.ReadInt64(Before) + number;
        block.Write(Now, sum);
        block.Span(Rest, BlockSize - Rest).Fill((byte)sum);
        return sum;
    }

    public static SumBlock Read(ReadOnlySpan<byte> body)
    {
        var sum = BitConverter.ToInt64(body[Now..]);
        return body.Length == BlockSize && !body[Rest..].ContainsAnyExcept((byte)sum)
            ? new SumBlock(sum)
            : throw new InvalidDataException($"a block of {body.Length} bytes that are not all of the sum {sum}");
    }
}
