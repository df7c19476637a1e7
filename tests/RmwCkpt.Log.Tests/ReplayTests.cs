using System.Text;

namespace RmwCkpt.Log.Tests;

public sealed class ReplayTests : IDisposable
{
    private static readonly Origin s_new = new(99, 1, Novelty.New);
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void The_next_incarnation_finds_what_was_said_and_then_goes_on()
    {
        using var first = _scratch.Write();
        using var restored = _scratch.Write();
        Scratch.AppendMany(first, 1, 100, 500);
        foreach (var next in new[] { restored, _scratch.Write() })
        {
            for (var i = 1; i <= 100; i++)
            {
                Assert.Equal(i, next.NextSequence);
                Assert.Equal((AppendResult.Found, i), Scratch.Append(next, Scratch.Payload(i, 500), incarnation: 2));
            }
        }
        Assert.Equal((AppendResult.Appended, 101), Scratch.Append(restored, "new"u8, incarnation: 2));
        Assert.Equal(101, restored.Head.TailSequence);
        using var reader = _scratch.Read();
        Assert.Equal(101, Scratch.Drain(reader).Count);
        Assert.Equal(0, reader.Lost);
    }

    [Fact]
    public void A_incarnation_that_says_less_finds_later_what_it_says()
    {
        using var first = _scratch.Write();
        Scratch.AppendMany(first, 1, 100, 500);
        using var next = _scratch.Write();
        Assert.Equal((AppendResult.Found, 1), Scratch.Append(next, Scratch.Payload(1, 500)));
        Assert.Equal((AppendResult.Found, 50), Scratch.Append(next, Scratch.Payload(50, 500)));
        Assert.Equal((AppendResult.Found, 51), Scratch.Append(next, Scratch.Payload(51, 500)));
        Assert.Equal((AppendResult.Found, 100), Scratch.Append(next, Scratch.Payload(100, 500)));
        Assert.Equal((AppendResult.Appended, 101), Scratch.Append(next, Scratch.Payload(101, 500), origin: s_new));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(499)]
    [InlineData(500)]
    [InlineData(501)]
    [InlineData(9000)]
    public void What_an_incarnation_says_otherwise_stays_as_it_was_heard(int size)
    {
        using var first = _scratch.Write();
        Scratch.AppendMany(first, 1, 100, 500);
        using var next = _scratch.Write();
        Assert.Equal((AppendResult.Found, 1), Scratch.Append(next, Scratch.Payload(1, 500), incarnation: 2));
        Assert.Equal((AppendResult.Differs, 2), Scratch.Append(next, Scratch.Payload(999, size), incarnation: 2));
        for (var i = 3; i <= 100; i++)
        {
            Assert.Equal((AppendResult.Found, i), Scratch.Append(next, Scratch.Payload(i, 500), incarnation: 2));
        }
        Assert.Equal((AppendResult.Appended, 101), Scratch.Append(next, Scratch.Payload(999, size), incarnation: 2));
        using var reader = _scratch.Read();
        var read = Scratch.Drain(reader);
        Assert.Equal([.. Enumerable.Range(1, 101).Select(i => (long)i)], read.ConvertAll(f => f.Sequence));
        Assert.Equal(Scratch.Payload(2, 500), read[1].Payload);
        Assert.Equal(Scratch.Payload(999, size), read[100].Payload);
    }

    [Fact]
    public void A_message_is_held_back_by_its_content_else_by_its_cause()
    {
        using var first = _scratch.Write();
        foreach (var (text, cause) in new[] { ("a", 1), ("b", 1), ("c", 2), ("d", 3) })
        {
            Scratch.Append(first, Encoding.ASCII.GetBytes(text), origin: Of(cause));
        }
        using var next = _scratch.Write();
        Assert.Equal((AppendResult.Found, 3), Say("c", 2)); // by another thread, and earlier
        Assert.Equal((AppendResult.Differs, 1), Say("x", 1)); // instead of a
        Assert.Equal((AppendResult.Found, 2), Say("b", 1));
        Assert.Equal((AppendResult.Appended, 5), Say("y", 1)); // the previous incarnation died before it said so
        Assert.Equal((AppendResult.Appended, 6), Say("z", 2));
        Assert.Equal((AppendResult.Found, 4), Say("d", 3));
        Assert.Equal((AppendResult.Appended, 7), Say("d", 4));
        using var reader = _scratch.Read();
        Assert.Equal(["a", "b", "c", "d", "y", "z", "d"], Scratch.Drain(reader).ConvertAll(f => Encoding.ASCII.GetString(f.Payload)));

        (AppendResult, long) Say(string text, long cause) => Scratch.Append(next, Encoding.ASCII.GetBytes(text), incarnation: 2, origin: Of(cause));
        static Origin Of(long cause) => new(cause, 1, Novelty.Interrupted);
    }

    [Fact]
    public void What_answers_something_new_is_appended_though_the_same_stands_there()
    {
        using var first = _scratch.Write();
        Scratch.AppendMany(first, 1, 100, 500);
        using var next = _scratch.Write();
        Assert.Equal((AppendResult.Found, 1), Scratch.Append(next, Scratch.Payload(1, 500), incarnation: 2));
        Assert.Equal((AppendResult.Appended, 101), Scratch.Append(next, Scratch.Payload(2, 500), incarnation: 2, origin: s_new));
        next.PassPrevious();
        Assert.Equal((AppendResult.Appended, 102), Scratch.Append(next, Scratch.Payload(3, 500), incarnation: 2, origin: s_new));
        Assert.False(next.HasSaid(2));
        Assert.True(next.HasSaid(101));
        // A thread that is late.
        Assert.Equal((AppendResult.Found, 2), Scratch.Append(next, Scratch.Payload(2, 500), incarnation: 2));
        Assert.True(next.HasSaid(2));
        Assert.Equal((AppendResult.Found, 100), Scratch.Append(next, Scratch.Payload(100, 500), incarnation: 2));
    }

    [Fact]
    public void A_device_that_says_something_else_is_heard_at_once_and_a_loop_says_nothing_again()
    {
        using var first = _scratch.Write();
        for (var i = 1; i <= 100; i++)
        {
            Scratch.Append(first, Scratch.Payload(i, 500), origin: new Origin(0, i % 2 == 0 ? 2u : 3u, Novelty.New));
        }
        using var next = _scratch.Write();
        for (var i = 1; i <= 99; i += 2)
        {
            Assert.Equal((AppendResult.Found, i), Scratch.Append(next, Scratch.Payload(i, 500), incarnation: 2, origin: new Origin(0, 3, Novelty.Unprompted)));
        }
        var device = new Origin(0, 2, Novelty.Unprompted);
        Assert.Equal((AppendResult.Found, 2), Scratch.Append(next, Scratch.Payload(2, 500), incarnation: 2, origin: device));
        Assert.Equal((AppendResult.Otherwise, 101), Scratch.Append(next, Scratch.Payload(777, 500), incarnation: 2, origin: device));
        // The loop is at its end, which is no sign that it does something else.
        Assert.Equal((AppendResult.Appended, 102), Scratch.Append(next, Scratch.Payload(101, 500), incarnation: 2, origin: new Origin(0, 3, Novelty.Unprompted)));
    }

    [Fact]
    public void Threads_that_hand_work_around_say_nothing_twice_though_they_say_it_otherwise()
    {
        using var first = _scratch.Write();
        for (var i = 1; i <= 6; i++)
        {
            // The last three by workers that had taken nothing.
            Scratch.Append(first, Scratch.Payload(i, 500), origin: new Origin(i <= 3 ? i : 0, (uint)(i % 2) + 1, Novelty.New));
        }
        using var next = _scratch.Write();
        for (var i = 1; i <= 3; i++)
        {
            var origin = new Origin(77, 9, Novelty.Replayed);
            Assert.Equal((AppendResult.Differs, i), Scratch.Append(next, Scratch.Payload(100 + i, 500), incarnation: 2, origin: origin));
        }
        var worker = new Origin(0, 1, Novelty.UnpromptedInReplay);
        Assert.Equal((AppendResult.Differs, 4), Scratch.Append(next, Scratch.Payload(104, 500), incarnation: 2, origin: worker));
        Assert.Equal((AppendResult.Found, 6), Scratch.Append(next, Scratch.Payload(6, 500), incarnation: 2, origin: worker));
        Assert.Equal((AppendResult.Appended, 7), Scratch.Append(next, Scratch.Payload(7, 500), incarnation: 2, origin: new Origin(78, 1, Novelty.New)));
    }

    [Fact]
    public void A_incarnation_restored_while_it_appended_something_new_appends_it_once()
    {
        using var first = _scratch.Write();
        Scratch.AppendMany(first, 1, 3, 500);
        using var restored = _scratch.Write();
        var aside = restored.Reserve(500);
        using var previous = _scratch.Write();
        previous.PassPrevious();
        Scratch.Append(previous, Scratch.Payload(9, 500), incarnation: 2, origin: s_new);
        Scratch.Payload(9, 500).CopyTo(aside.Payload.All);
        Assert.Equal(AppendResult.Found, restored.Commit(aside, 500, 0, 3, 0, s_new, out var sequence));
        Assert.Equal(4, sequence);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(20)]
    public void Threads_may_say_theirs_in_another_order(int last)
    {
        using var first = _scratch.Write();
        Scratch.AppendMany(first, 1, 20, 500);
        using var next = _scratch.Write();
        var order = Enumerable.Range(1, 20).ToList();
        order.Remove(last - 3);
        order.Insert(last - 1, last - 3);
        foreach (var i in order)
        {
            Assert.Equal(
                (i == last - 2 ? AppendResult.Found : AppendResult.Found, i), Recover(next, Scratch.Payload(i, 500)));
        }
        Assert.Equal((AppendResult.Appended, 21), Scratch.Append(next, Scratch.Payload(last - 3, 500), incarnation: 2));
    }

    [Fact]
    public void Replies_are_found_over_segments_that_are_exactly_full_however_far_apart()
    {
        // 28 bytes make a frame of 64, and those fill a segment without a rest.
        const int Count = 500;
        using var first = _scratch.Write();
        for (var i = 1; i <= Count; i++)
        {
            Scratch.Append(first, Scratch.Payload(i, 28));
        }
        using var next = _scratch.Write();
        foreach (var i in Enumerable.Range(2, Count - 1).Append(1).Append(Count + 1))
        {
            var expected = i == 2 ? AppendResult.Found : i > Count ? AppendResult.Appended : AppendResult.Found;
            Assert.Equal((expected, i), Recover(next, Scratch.Payload(i, 28), key: 24));
        }
    }

    [Fact]
    public void A_reply_that_a_previous_incarnation_did_not_give_comes_after_all_of_its()
    {
        const int Count = 500;
        using var first = _scratch.Write();
        for (var i = 1; i <= Count; i++)
        {
            Scratch.Append(first, Scratch.Payload(i, 28));
        }
        using var next = _scratch.Write();
        foreach (var (number, expected, place) in new[]
        {
            (999, AppendResult.Appended, Count + 1), (1, AppendResult.Found, 1), (Count, AppendResult.Found, Count),
            (998, AppendResult.Appended, Count + 2),
        })
        {
            Assert.Equal((expected, place), Recover(next, Scratch.Payload(number, 28), key: 24));
        }
    }

    [Fact]
    public void A_message_with_a_key_is_the_one_of_that_key()
    {
        using var first = _scratch.Write();
        foreach (var text in new[] { "1 one", "2 two", "3 three" })
        {
            Scratch.Append(first, Encoding.ASCII.GetBytes(text));
        }
        using var next = _scratch.Write();
        var results = new List<(AppendResult, long)>();
        foreach (var text in new[] { "2 second", "1 first", "4 four", "3 three", "5 five" })
        {
            results.Add(Recover(next, Encoding.ASCII.GetBytes(text), key: 1));
        }
        Assert.Equal(
            [(AppendResult.Differs, 2), (AppendResult.Differs, 1), (AppendResult.Appended, 4), (AppendResult.Found, 3), (AppendResult.Appended, 5)],
            results);
    }

    [Fact]
    public void An_abort_leaves_nothing()
    {
        using var writer = _scratch.Write();
        Scratch.Append(writer, "one"u8);
        var before = File.ReadAllBytes(Segment.PathOf(_scratch.At, 0).FullName);
        var reservation = writer.Reserve(1000);
        reservation.Payload.All.Fill(0xee);
        writer.Abort(reservation);
        Assert.Equal(before, File.ReadAllBytes(Segment.PathOf(_scratch.At, 0).FullName));
        Assert.Equal((AppendResult.Appended, 2), Scratch.Append(writer, "two"u8));

        using var next = _scratch.Write();
        writer.Abort(next.Reserve(1000));
        next.Abort(next.Reserve(1000));
        Assert.Equal((AppendResult.Found, 1), Scratch.Append(next, "one"u8));
    }

    [Fact]
    public void A_commit_of_less_than_was_reserved_leaves_no_trace_of_the_rest()
    {
        using var writer = _scratch.Write();
        using var reader = _scratch.Read();
        for (var i = 1; i <= 50; i++)
        {
            var reservation = writer.Reserve(900);
            reservation.Payload.All.Fill(0xee);
            writer.Commit(reservation, i, 0, 1, 0, Scratch.Replayed, out _);
            Assert.True(reader.TryPeek(out var frame));
            Assert.Equal(i, frame.Payload.Length);
            reader.Advance();
            Assert.False(reader.HasNext);
        }
        Assert.Equal(0, reader.Lost);
    }

    [Fact]
    public void A_incarnation_restored_between_claim_and_commit_finds_its_frame_committed()
    {
        using var restored = _scratch.Write();
        var claim = restored.Reserve(3);
        // The previous incarnation is the same memory going on: it commits what it claimed, and more.
        using var previous = _scratch.Write();
        Scratch.Append(previous, "abc"u8, incarnation: 1, time: 5);
        Scratch.Append(previous, "def"u8, incarnation: 1, time: 6);
        var before = File.ReadAllBytes(Segment.PathOf(_scratch.At, 0).FullName);

        "abc"u8.CopyTo(claim.Payload.All);
        Assert.Equal(AppendResult.Found, restored.Commit(claim, 3, Frame.Recovered, 2, 5, Scratch.Replayed, out var sequence));
        Assert.Equal(1, sequence);
        Assert.Equal((AppendResult.Found, 2), Scratch.Append(restored, "def"u8, incarnation: 2));
        Assert.Equal(before, File.ReadAllBytes(Segment.PathOf(_scratch.At, 0).FullName));
        Assert.Equal(2, restored.Head.TailSequence);
        Assert.Equal(94, restored.Head.Bytes);
    }

    [Fact]
    public void A_incarnation_that_replays_what_is_no_longer_kept_counts_it()
    {
        using var restored = _scratch.Write(retention: 0);
        using var previous = _scratch.Write(retention: 0);
        Assert.Equal((AppendResult.Appended, 1), Scratch.Append(previous, Scratch.Payload(1, 1000)));
        Assert.Equal((AppendResult.Found, 1), Scratch.Append(restored, Scratch.Payload(1, 1000)));
        Scratch.AppendMany(previous, 2, 50, 1000);
        for (var i = 2; i <= 50; i++)
        {
            Assert.Equal((AppendResult.Found, i), Scratch.Append(restored, Scratch.Payload(i, 1000), incarnation: 2));
        }
        Assert.Equal((AppendResult.Appended, 51), Scratch.Append(restored, Scratch.Payload(51, 1000), incarnation: 2));
        using var reader = _scratch.Read();
        Assert.Equal(51, Scratch.Sequences(reader)[^1]);
    }

    [Fact]
    public void A_segment_made_by_an_incarnation_that_died_in_rolling_gets_its_true_first_sequence()
    {
        using (var writer = _scratch.Write())
        {
            Scratch.AppendMany(writer, 1, 3, 1000);
            Segment.Make(_scratch.At, 1, 4096, 4, spare: null).Dispose();
        }
        using var next = _scratch.Write();
        for (var i = 1; i <= 3; i++)
        {
            Scratch.Append(next, Scratch.Payload(i, 1000));
        }
        // Another message than the one that made the previous incarnation roll: it still fits.
        Assert.Equal((AppendResult.Appended, 4), Scratch.Append(next, "small"u8, incarnation: 2));
        Assert.Equal((AppendResult.Appended, 5), Scratch.Append(next, Scratch.Payload(5, 1000), incarnation: 2));
        using var segment = Segment.Open(_scratch.At, 1)!;
        Assert.Equal(5, segment.View.ReadInt64(Segment.FirstSequence));
    }

    [Fact]
    public void What_an_incarnation_that_died_in_recycling_left_is_removed()
    {
        using var writer = _scratch.Write(retention: 0);
        Scratch.AppendMany(writer, 1, 30, 900);
        File.Copy(Segment.PathOf(_scratch.At, writer.Head.LastSegment).FullName, Segment.PathOf(_scratch.At, writer.Head.FirstSegment - 1).FullName);
        Scratch.AppendMany(writer, 31, 40, 900);
        Assert.Equal(3, Directory.GetFiles(_scratch.Folder).Length);
    }

    /// <summary>What a second incarnation says while it recovers.</summary>
    private static (AppendResult Result, long Sequence) Recover(LogWriter writer, byte[] payload, int key = 0) =>
        Scratch.Append(writer, payload, incarnation: 2, flags: Frame.Recovered, key: key);
}
