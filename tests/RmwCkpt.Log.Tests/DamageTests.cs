using System.Buffers.Binary;
using RmwCkpt.Memory;
using RmwCkpt.Tests;

namespace RmwCkpt.Log.Tests;

/// <summary>
/// Logs and journals some of whose bytes have become others: what is read of them is what was written, or it is refused in
/// so many words. RMW_CKPT_SEED (1) begins the sequence of damages, RMW_CKPT_FUZZ (300) is how many there are.
/// </summary>
public sealed class DamageTests
{
    private const int Messages = 40;
    private static readonly int s_seed = Variables.Number("RMW_CKPT_SEED") ?? 1;
    private static readonly HashSet<string> s_written =
        [.. Enumerable.Range(1, Messages).Select(i => Convert.ToHexString(PayloadOf(i)))];

    private static readonly int s_rounds = Variables.Number("RMW_CKPT_FUZZ") ?? 300;

    [Fact]
    public void Of_a_damaged_log_only_what_was_written_is_read() => Rounds(random =>
    {
        using var scratch = new Scratch();
        var retention = random.Next(2) == 0 ? 12_288 : long.MaxValue / 2;
        var lends = random.Next(2) == 0;
        using var writer = scratch.Write(retention);
        for (var i = 1; i <= Messages; i++)
        {
            Say(writer, i, lends);
        }
        using var before = scratch.Read();
        for (var i = random.Next(Messages); i > 0 && before.TryPeek(out _); i--)
        {
            before.Advance();
        }
        Damage(scratch, random);

        OrRefused(() => Check(before));
        OrRefused(() =>
        {
            using var after = scratch.Read();
            Check(after);
        });
        OrRefused(() =>
        {
            using var after = scratch.Read();
            after.SeekSequence(random.Next(Messages + 2));
            Check(after);
            after.SeekTime(10 * random.Next(Messages));
            _ = after.HasAhead(Frame.Recovered) || after.HasNext;
            after.SeekTail();
            Check(after);
        });
        OrRefused(() => Say(writer, 1, lends));
        OrRefused(() =>
        {
            // The next incarnation compares with what it finds, and goes on.
            using var next = scratch.Write(retention);
            for (var i = 1; i <= Messages; i++)
            {
                Say(next, i, lends);
            }
        });
        OrRefused(() =>
        {
            using var after = scratch.Read();
            Check(after);
        });
    });

    [Fact]
    public void A_log_whose_head_names_no_segment_as_its_first_is_refused_and_not_searched_for_ever()
    {
        using var scratch = new Scratch();
        using var writer = scratch.Write(12_288);
        using (var head = Mapping.Open(scratch.At / LogHead.FileName))
        {
            head.View.Write(64, (long)int.MinValue); // FirstSegment
        }
        var refused = Assert.Throws<InvalidDataException>(() =>
        {
            for (var i = 1; i <= 1000; i++)
            {
                Scratch.Append(writer, PayloadOf(i), time: i);
            }
        });
        Assert.Contains("damaged", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_journal_has_its_cells_or_none() => Rounds(random =>
    {
        using var scratch = new Scratch();
        using (var journal = Journal.Open(scratch.At, null))
        {
            for (var i = 0; i < 2000; i++)
            {
                Assert.True(journal.TryAppend(new Cell(3, (uint)i, 7, i)));
            }
        }
        Damage(scratch, random);
        OrRefused(() =>
        {
            using var journal = Journal.Open(scratch.At, null);
            while (journal.TryPeek(out _))
            {
                Assert.True(journal.Position < 10_000, "it has no end");
                journal.Advance();
            }
            Assert.True(journal.TryAppend(new Cell(3, 1, 7, 1)));
        });
    });

    private static void Rounds(Action<Random> round)
    {
        for (var seed = s_seed; seed < s_seed + s_rounds; seed++)
        {
            try
            {
                round(new Random(seed));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"RMW_CKPT_SEED={seed} RMW_CKPT_FUZZ=1: {e.Message}", e);
            }
        }
    }

    /// <summary>Some of the messages are written where they are read.</summary>
    private static void Say(LogWriter writer, int message, bool lends)
    {
        // A damaged head may say that no file is used again: then there is nothing to lend.
        if (lends && message % 3 == 0 && writer.Borrow(1500) is { } loan)
        {
            PayloadOf(message).CopyTo(loan.Payload.All);
            writer.Commit(loan, PayloadOf(message).Length, 0, 1, 10 * message, Scratch.Replayed, out _);
        }
        else
        {
            Scratch.Append(writer, PayloadOf(message), time: 10 * message);
        }
    }

    private static byte[] PayloadOf(int message) => Scratch.Payload(message, message * 37 % 1500);

    private static void Check(LogReader reader)
    {
        for (var i = 0; reader.TryPeek(out var frame); i++)
        {
            Assert.True(i < 3 * Messages, "it has no end");
            Assert.Contains(Convert.ToHexString(frame.Payload.All), s_written);
            reader.Advance();
        }
    }

    /// <summary>What is damaged may be refused, by what a caller expects of files.</summary>
    private static void OrRefused(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            Assert.NotEqual("", e.Message);
        }
    }

    /// <summary>Bytes, or words with the values that programs stumble over, at one to eight places of the folder's files.</summary>
    private static void Damage(Scratch scratch, Random random)
    {
        var files = Directory.GetFiles(scratch.Folder);
        for (var places = random.Next(1, 9); places > 0; places--)
        {
            using var file = Mapping.Open(scratch.At / Path.GetFileName(files[random.Next(files.Length)]));
            var bytes = new byte[random.Next(1, 17)];
            random.NextBytes(bytes);
            if (random.Next(3) == 0)
            {
                bytes = new byte[8];
                long[] values = [0, 1, -1, int.MaxValue, int.MinValue, long.MaxValue, long.MinValue, 4096, -4096];
                BinaryPrimitives.WriteInt64LittleEndian(bytes, values[random.Next(values.Length)]);
            }
            // What steers comes at the beginning, or at the multiples of eight.
            var place = random.Next(random.Next(2) == 0 ? 256 : file.View.Length) & (random.Next(2) == 0 ? ~7 : ~0);
            bytes = bytes[..Math.Min(bytes.Length, file.View.Length - place)];
            bytes.CopyTo(file.View.Span(place, bytes.Length));
        }
    }
}
