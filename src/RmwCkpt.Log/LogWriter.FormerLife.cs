using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>
/// How a writer in replay compares with what its process' former life wrote from its position on. Who lives has heard that
/// life: whatever this one says of a message that stands there is not said again. Which message that is tells its content,
/// else its key, else its number; threads may say theirs in another order.
/// </summary>
public sealed partial class LogWriter
{
    /// <summary>
    /// How many messages apart from each other, at most, threads say theirs that have no key. By its key a message is found
    /// anywhere.
    /// </summary>
    private const int Window = 64;

    /// <summary>Where frames stand that were passed and whose messages may still be said, the oldest first.</summary>
    private readonly List<(long Segment, int Offset)> _passed = [];

    private enum Likeness
    {
        None,
        SameKey,
        Same,
    }

    private AppendResult CompareWithFormerLife(
        Region payload, int key, byte flags, uint incarnation, long time, out long sequence)
    {
        if (_next < _firstKept)
        {
            sequence = _next++;
            return AppendResult.Found;
        }
        var likeness = Compare(_view, _offset, payload, key);
        if (likeness != Likeness.None)
        {
            sequence = Step();
            return likeness == Likeness.Same ? AppendResult.Found : AppendResult.Differs;
        }
        likeness = FindLater(payload, key, out sequence);
        if (likeness != Likeness.None)
        {
            return likeness == Likeness.Same ? AppendResult.FoundLater : AppendResult.Differs;
        }
        if (IsPassed(payload, key, out sequence))
        {
            return AppendResult.Found;
        }
        if (key == 0)
        {
            NotePassed(key);
            sequence = Step();
            return AppendResult.Differs;
        }
        // No reply to this request stands there. The former life's others do, and this one comes after them.
        sequence = AppendAtTail(payload, key, flags, incarnation, time);
        return AppendResult.Diverged;
    }

    private long AppendAtTail(Region payload, int key, byte flags, uint incarnation, long time)
    {
        while (AtFrame())
        {
            NotePassed(key);
            Step();
        }
        using var copy = new NativeBuffer();
        payload.All.CopyTo(copy.Ensure(payload.Length).All);
        var again = Reserve(payload.Length);
        if (!again.InLog)
        {
            throw new InvalidDataException($"{_folder} is damaged: its end cannot be found");
        }
        copy.Region.All.CopyTo(again.Payload.All);
        return CommitInPlace(Frame.HeadSize + payload.Length, flags, incarnation, time);
    }

    private Likeness Compare(Region view, int offset, Region payload, int key)
    {
        var said = SaidAt(view, offset);
        if (said.All.SequenceEqual(payload.All))
        {
            return Likeness.Same;
        }
        return key > 0 && said.Length >= key && said.Span(0, key).SequenceEqual(payload.Span(0, key))
            ? Likeness.SameKey
            : Likeness.None;
    }

    /// <summary>Passes the frame at the position.</summary>
    private long Step()
    {
        var sequence = _view.ReadInt64(_offset + Frame.Sequence);
        var length = _view.ReadInt32(_offset + Frame.Length);
        var time = _view.ReadInt64(_offset + Frame.Time);
        _lentHere += _view.ReadByte(_offset + Frame.Kind) == Frame.Lent ? 1 : 0;
        _offset += Frame.Align(length);
        _next = sequence + 1;
        // The former life may have died between the frame's commit and the head's.
        Head.Advance(sequence, _number, _offset, length, time);
        return sequence;
    }

    /// <summary>Looks for the message after the position, and passes it with all before it if it is there.</summary>
    private Likeness FindLater(Region payload, int key, out long sequence)
    {
        var (number, offset, next, passed, lentHere) = (_number, _offset, _next, _passed.Count, _lentHere);
        for (var i = 0; (i < Window || key > 0) && AtFrame(); i++)
        {
            var likeness = Compare(_view, _offset, payload, key);
            if (likeness != Likeness.None)
            {
                ForgetOldest(key);
                sequence = Step();
                return likeness;
            }
            _passed.Add((_number, _offset));
            Step();
        }
        _passed.RemoveRange(passed, _passed.Count - passed);
        MoveTo(number, 0);
        (_offset, _next, _lentHere) = (offset, next, lentHere);
        sequence = 0;
        return Likeness.None;
    }

    /// <summary>Whether the message is one that was passed, and which.</summary>
    private bool IsPassed(Region payload, int key, out long sequence)
    {
        Mapping? other = null;
        var opened = _number;
        try
        {
            for (var i = 0; i < _passed.Count; i++)
            {
                var (number, offset) = _passed[i];
                if (number != _number && number != opened)
                {
                    other?.Dispose();
                    other = Segment.Open(_folder, number, writable: false);
                    opened = number;
                }
                if (number != _number && other is null)
                {
                    // Let go of.
                    continue;
                }
                var view = number == _number ? _view : other!.View;
                if (Compare(view, offset, payload, key) != Likeness.None)
                {
                    sequence = view.ReadInt64(offset + Frame.Sequence);
                    _passed.RemoveAt(i);
                    return true;
                }
            }
        }
        finally
        {
            other?.Dispose();
        }
        sequence = 0;
        return false;
    }

    private void NotePassed(int key)
    {
        _passed.Add((_number, _offset));
        ForgetOldest(key);
    }

    private void ForgetOldest(int key)
    {
        if (key == 0)
        {
            _passed.RemoveRange(0, Math.Max(0, _passed.Count - Window));
        }
    }

    /// <summary>Whether a committed data frame stands at the position; passes padding.</summary>
    private bool AtFrame()
    {
        while (true)
        {
            // A segment that is exactly full ends without padding.
            if (_offset < _view.Length)
            {
                var word = _view.AcquireInt32(_offset + Frame.Length);
                if (word <= 0)
                {
                    return false;
                }
                if (_view.ReadByte(_offset + Frame.Kind) != Frame.Padding && Frame.IsPlausible(_view, _offset, word))
                {
                    return true;
                }
            }
            if (!Segment.PathOf(_folder, _number + 1).Exists)
            {
                return false;
            }
            MoveTo(_number + 1, 0);
        }
    }
}
