using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>Something that is not as it was written.</summary>
/// <param name="Place">Which file, and where in it.</param>
public readonly record struct Flaw(string Place, string What);

/// <summary>
/// Goes through all of a log, each byte that has a checksum, while its writer goes on; unlike <see cref="LogReader"/>, which passes
/// what it cannot use, it says where that is.
/// </summary>
public sealed class LogCheck : IDisposable
{
    private readonly TrustedPath _folder;
    private readonly LogHead _head;
    private readonly LoanMap _lent;

    /// <summary>Those of the segment that is gone through: they count if the log has not let go of it meanwhile.</summary>
    private readonly List<Flaw> _found = [];
    private readonly List<Flaw> _flaws = [];

    /// <summary>Sequence of the next message, if none is missing; 0: not known.</summary>
    private long _expected;
    private uint _incarnation;

    private LogCheck(TrustedPath folder)
    {
        _folder = folder;
        _head = LogHead.Open(folder);
        _lent = new LoanMap(folder);
    }

    /// <summary>How many messages are good, and what is not.</summary>
    /// <exception cref="IOException">The log is gone.</exception>
    public static (long Messages, IReadOnlyList<Flaw> Flaws) Of(TrustedPath folder)
    {
        try
        {
            using var check = new LogCheck(folder);
            return (check.Run(), check._flaws);
        }
        catch (InvalidDataException e)
        {
            return (0, [new Flaw((folder / LogHead.FileName).FullName, e.Message)]);
        }
    }

    private long Run()
    {
        // A commit under way may not be told of yet; all that is told of is there.
        var (tail, last) = (_head.TailSequence, _head.LastSegment);
        var messages = 0L;
        var known = tail + 1;
        for (var number = _head.FirstSegment; number <= last; number++)
        {
            _found.Clear();
            var good = Check(number);
            if (number < _head.FirstSegment)
            {
                // It may have been used again under the eyes of this.
                (number, _expected) = (_head.FirstSegment - 1, 0);
                continue;
            }
            messages += good;
            _flaws.AddRange(_found);
        }
        if (_expected > 0 && _expected < known)
        {
            _flaws.Add(new Flaw(_folder.FullName, $"{Which(_expected, known)} at its end cannot be found"));
        }
        return messages;
    }

    /// <summary>Goes through a segment; returns how many messages of it are good.</summary>
    private long Check(long number)
    {
        var path = Segment.PathOf(_folder, number);
        try
        {
            using var file = Segment.Open(_folder, number, writable: false, populate: true);
            if (file is null)
            {
                _found.Add(new Flaw(path.FullName, "the segment is missing"));
                return 0;
            }
            if (_expected == 0)
            {
                _expected = file.View.ReadInt64(Segment.FirstSequence);
            }
            return Walk(path, file.View);
        }
        catch (InvalidDataException e)
        {
            _found.Add(new Flaw(path.FullName, e.Message));
            return 0;
        }
    }

    private long Walk(TrustedPath path, Region view)
    {
        var good = 0L;
        for (var offset = Segment.HeadSize; offset < view.Length;)
        {
            var length = view.AcquireInt32(offset + Frame.Length);
            if (length <= 0)
            {
                // Nothing yet, or a writer was killed while it wrote.
                return good;
            }
            var place = $"{path}, byte {offset}";
            if (!Frame.IsPlausible(view, offset, length))
            {
                _found.Add(new Flaw(place, $"{length} is no length of a message there; nothing after it in this file can be found"));
                return good;
            }
            if (view.ReadByte(offset + Frame.Kind) == Frame.Padding && length == view.Length - offset)
            {
                return good;
            }
            good += IsGood(place, view, offset, length) ? 1 : 0;
            offset += Frame.Align(length);
        }
        return good;
    }

    private bool IsGood(string place, Region view, int offset, int length)
    {
        if (length < Frame.HeadSize || view.ReadUInt32(offset + Frame.Crc) != Frame.ComputeCrc(view, offset, length))
        {
            _found.Add(new Flaw(place, $"message {_expected} is damaged: its checksum is another"));
            _expected++;
            return false;
        }
        var (sequence, incarnation) = (view.ReadInt64(offset + Frame.Sequence), view.ReadUInt32(offset + Frame.Incarnation));
        if (incarnation < _incarnation && sequence < _expected)
        {
            // A previous incarnation's that another one has overtaken: nobody reads it.
            return false;
        }
        if (sequence != _expected)
        {
            _found.Add(new Flaw(place, sequence > _expected
                ? $"{Which(_expected, sequence)} before it cannot be found"
                : $"message {sequence} stands where {_expected} is to be"));
        }
        (_expected, _incarnation) = (Math.Max(_expected, sequence + 1), Math.Max(_incarnation, incarnation));
        var payload = view.Slice(offset + Frame.HeadSize, length - Frame.HeadSize);
        if (view.ReadByte(offset + Frame.Kind) == Frame.Lent && !_lent.TryFollow(payload, int.MaxValue, out _))
        {
            _found.Add(new Flaw(place, $"message {sequence} is damaged: what it refers to ({Reference(payload)}) is not what it was"));
            return false;
        }
        return true;
    }

    private static string Reference(Region payload) => payload.Length == LoanReference.Size
        ? $"loans-{payload.ReadInt32(LoanReference.File)}, byte {payload.ReadInt32(LoanReference.Offset)}" : "nothing";

    private static string Which(long first, long next) => next - first == 1 ? $"message {first}" : $"messages {first} to {next - 1}";

    public void Dispose()
    {
        _lent.Dispose();
        _head.Dispose();
    }
}
