using RmwCkpt.Memory;

namespace RmwCkpt.Log.Tests;

/// <summary>A reader of one log that outlives its writers, and what it has seen: I1 and I2 of the test regime.</summary>
internal sealed class Observer(TrustedPath folder, Func<long, byte[]> expected, bool mayLose) : IDisposable
{
    private readonly Dictionary<long, (uint Incarnation, long Time)> _seen = [];
    private LogReader? _reader;
    private long _last;
    private long _read;

    /// <summary>Reads all there is, and judges it.</summary>
    public void Look()
    {
        if (_reader is null && (folder / LogHead.FileName).Exists)
        {
            _reader = LogReader.Open(folder);
            _read = _last = mayLose ? _reader.NextSequence - 1 : 0;
        }
        while (_reader is not null && (_reader.HasNext | _reader.TryPeek(out var frame)))
        {
            Judge(frame);
            if (frame.Sequence != _last + 1)
            {
                Assert.True(mayLose && frame.Sequence > _last, $"sequence {frame.Sequence} came after {_last}");
            }
            _last = frame.Sequence;
            _read++;
            _reader.Advance();
        }
    }

    private void Judge(in FrameView frame)
    {
        Assert.True(frame.Payload.All.SequenceEqual(expected(frame.Sequence)), $"torn bytes at {frame.Sequence}");
        if (_seen.TryGetValue(frame.Sequence, out var before))
        {
            Assert.Equal(before, (frame.Incarnation, frame.Time));
        }
        _seen[frame.Sequence] = (frame.Incarnation, frame.Time);
    }

    /// <summary>What stands in the log now, all of which must be what was read before. The last sequence.</summary>
    public long Committed()
    {
        var last = 0L;
        if (!(folder / LogHead.FileName).Exists)
        {
            return last;
        }
        using var reader = LogReader.Open(folder);
        while (reader.TryPeek(out var frame))
        {
            Judge(frame);
            Assert.True(last == 0 || frame.Sequence == last + 1, $"sequence {frame.Sequence} comes after {last}");
            last = frame.Sequence;
            reader.Advance();
        }
        Assert.Equal(0, reader.Lost);
        return last;
    }

    /// <summary>The last incarnation has ended: all is there, nothing twice, and nobody waits.</summary>
    public void Finish(long count)
    {
        Look();
        Assert.Equal(count, Committed());
        Assert.Equal(count, _last);
        if (_reader is not null)
        {
            Assert.Equal(0, _reader.Pending);
            Assert.Equal(count, _reader.Head.TailSequence);
            Assert.Equal(count, _read + _reader.Lost);
            Assert.False(_reader.HasNext);
        }
    }

    public void Dispose() => _reader?.Dispose();
}
