using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>
/// How a writer compares with what its process' previous incarnation wrote from its position on. Who lives has heard that
/// incarnation: whatever this one says of a message that stands there is not said again. Which message that is tells its content,
/// or its key, in any order, for threads may say theirs in another; else its cause (<see cref="Origin"/>).
/// </summary>
public sealed partial class LogWriter
{
    /// <summary>What was passed and may still be said.</summary>
    private readonly PreviousFrames _former = new();

    /// <summary>ROS time, ns, of the newest frame of a previous incarnation that this one has said again; 0: of none.</summary>
    public long SaidAgainUntil { get; private set; }

    private enum Likeness
    {
        None,
        SameKey,
        Same,
    }

    /// <summary>
    /// Whether this incarnation has said the message of this number: a previous one may have, where this one has not come to it.
    /// Any thread.
    /// </summary>
    public bool HasSaid(long sequence) => sequence < Volatile.Read(ref _next) && !_former.Contains(sequence);

    /// <summary>What is said next is new: passes what stands at the position.</summary>
    public void PassPrevious()
    {
        while (_number >= Head.FirstSegment && AtFrame())
        {
            Pass();
        }
    }

    private AppendResult CompareWithPrevious(
        Region payload, int key, byte flags, uint incarnation, long time, in Origin origin, out long sequence)
    {
        if (_next < _firstKept)
        {
            if (key > 0 || origin.Novelty is Novelty.Replayed or Novelty.Interrupted)
            {
                sequence = _next++;
                return AppendResult.Found;
            }
            _next = _firstKept;
            MoveTo(Head.FirstSegment, 0);
        }
        if (origin.Novelty != Novelty.New)
        {
            var found = FindSaid(payload, key, origin, out sequence);
            if (found is { } result)
            {
                return result;
            }
        }
        var isOtherwise = IsOtherwise(origin);
        var appended = AppendAtTail(payload, key, flags, incarnation, time, origin, out sequence);
        return isOtherwise && appended == AppendResult.Appended ? AppendResult.Otherwise : appended;
    }

    /// <summary>The frame that this message is, among those passed and those to come; null: there is none.</summary>
    private AppendResult? FindSaid(Region payload, int key, in Origin origin, out long sequence)
    {
        if (IsPassed(payload, key, out sequence, out var likeness))
        {
            return likeness == Likeness.Same ? AppendResult.Found : AppendResult.Differs;
        }
        while (AtFrame())
        {
            likeness = Compare(_view, _offset, payload, key);
            if (likeness != Likeness.None)
            {
                sequence = StepAgain();
                return likeness == Likeness.Same ? AppendResult.Found : AppendResult.Differs;
            }
            Pass();
        }
        if (key > 0)
        {
            return null;
        }
        var other = origin.Novelty switch
        {
            Novelty.Interrupted => FindOfCause(origin),
            Novelty.Replayed when FindOfCause(origin) is >= 0 and var its => its,
            Novelty.Replayed => _former.First,
            Novelty.UnpromptedInReplay => FindOfPool(origin),
            _ => -1,
        };
        if (other >= 0)
        {
            sequence = _former[other].Sequence;
            _former.Remove(other);
            return AppendResult.Differs;
        }
        return null;
    }

    /// <summary>Whether its thread says something else than it did.</summary>
    private bool IsOtherwise(in Origin origin) =>
        _former.Count > 0 && origin.Novelty is Novelty.Unprompted or Novelty.UnpromptedInReplay && FindOfCause(origin) >= 0;

    /// <summary>The first message passed that answers nothing, where another thread than this one's said one; else -1.</summary>
    private int FindOfPool(in Origin origin)
    {
        var first = -1;
        for (var i = _former.First; i >= 0; i = _former.Next(i))
        {
            if (_former[i].Cause == 0)
            {
                first = first < 0 ? i : first;
                if (_former[i].Role != origin.Role)
                {
                    return first;
                }
            }
        }
        return -1;
    }

    /// <summary>The first message passed that has this one's cause, or -1.</summary>
    private int FindOfCause(in Origin origin)
    {
        for (var i = _former.First; i >= 0; i = _former.Next(i))
        {
            if (origin.IsOf(_former[i]))
            {
                return i;
            }
        }
        return -1;
    }

    private AppendResult AppendAtTail(
        Region payload, int key, byte flags, uint incarnation, long time, in Origin origin, out long sequence)
    {
        using var copy = new NativeBuffer();
        payload.All.CopyTo(copy.Ensure(payload.Length).All);
        while (true)
        {
            while (AtFrame())
            {
                if (origin.IsOf(FrameHere()) && Compare(_view, _offset, copy.Region.Slice(0, payload.Length), key) == Likeness.Same)
                {
                    // Restored in here: the previous incarnation went on, and appended it.
                    sequence = StepAgain();
                    return AppendResult.Found;
                }
                Pass();
            }
            var again = Reserve(payload.Length);
            if (again.InLog)
            {
                copy.Region.All[..payload.Length].CopyTo(again.Payload.All);
                return CommitReserved(again, payload.Length, flags, incarnation, time, origin, out sequence);
            }
            if (!AtFrame())
            {
                throw new InvalidDataException($"{_folder} is damaged: its end cannot be found");
            }
        }
    }

    private Likeness Compare(Region view, int offset, Region payload, int key)
    {
        if (key == 0 && view.ReadByte(offset + Frame.Kind) != Frame.Lent
            && view.AcquireInt32(offset + Frame.Length) - Frame.HeadSize != payload.Length)
        {
            return Likeness.None;
        }
        var said = SaidAt(view, offset);
        if (said.All.SequenceEqual(payload.All))
        {
            return Likeness.Same;
        }
        return key > 0 && said.Length >= key && said.Span(0, key).SequenceEqual(payload.Span(0, key))
            ? Likeness.SameKey
            : Likeness.None;
    }

    private PreviousFrame FrameHere() => new(
        _number, _offset, _view.ReadInt32(_offset + Frame.Length), _view.ReadInt64(_offset + Frame.Sequence),
        _view.ReadInt64(_offset + Frame.Cause), _view.ReadUInt32(_offset + Frame.Role));

    /// <summary>Passes the frame at the position, whose message may still be said.</summary>
    private void Pass()
    {
        _former.Add(FrameHere());
        Step();
    }

    /// <summary>Passes the frame at the position, which this incarnation has just said.</summary>
    private long StepAgain()
    {
        SaidAgainUntil = _view.ReadInt64(_offset + Frame.Time);
        return Step();
    }

    /// <summary>Passes the frame at the position.</summary>
    private long Step()
    {
        var sequence = _view.ReadInt64(_offset + Frame.Sequence);
        var length = _view.ReadInt32(_offset + Frame.Length);
        var time = _view.ReadInt64(_offset + Frame.Time);
        _lentHere += _view.ReadByte(_offset + Frame.Kind) == Frame.Lent ? 1 : 0;
        _offset += Frame.Align(length);
        Volatile.Write(ref _next, sequence + 1);
        // The previous incarnation may have died between the frame's commit and the head's.
        Head.Advance(sequence, _number, _offset, length, time);
        return sequence;
    }

    /// <summary>Whether the message is one that was passed, and which.</summary>
    private bool IsPassed(Region payload, int key, out long sequence, out Likeness likeness)
    {
        Mapping? other = null;
        var opened = _number;
        try
        {
            for (var i = _former.First; i >= 0; i = _former.Next(i))
            {
                var frame = _former[i];
                if (frame.Segment != _number && frame.Segment != opened)
                {
                    other?.Dispose();
                    other = Segment.Open(_folder, frame.Segment, writable: false);
                    opened = frame.Segment;
                }
                if (frame.Segment != _number && other is null)
                {
                    // Let go of.
                    continue;
                }
                likeness = Compare(frame.Segment == _number ? _view : other!.View, frame.Offset, payload, key);
                if (likeness != Likeness.None)
                {
                    sequence = frame.Sequence;
                    _former.Remove(i);
                    return true;
                }
            }
        }
        finally
        {
            other?.Dispose();
        }
        (sequence, likeness) = (0, Likeness.None);
        return false;
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
