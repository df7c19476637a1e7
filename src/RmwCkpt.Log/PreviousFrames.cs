namespace RmwCkpt.Log;

/// <summary>
/// Where a message of a previous incarnation stands that this incarnation has not said (yet), and where it came from.
/// </summary>
internal readonly record struct PreviousFrame(long Segment, int Offset, int Length, long Sequence, long Cause, uint Role);

/// <summary>
/// The messages of a previous incarnation that a writer has passed and that its process may still say, the oldest first. Usually
/// the next one is the first, so those that are found are taken out lazily. Thread-safety: one caller at a time, but
/// <see cref="Contains"/> is free.
/// </summary>
internal sealed class PreviousFrames
{
    private readonly List<PreviousFrame> _frames = [];
    private readonly HashSet<long> _sequences = [];
    private int _first;
    private volatile int _count;

    public int Count => _count;

    /// <summary>The index of the first one, to go through them with <see cref="Next"/>; -1: there is none.</summary>
    public int First => Next(_first - 1);

    public PreviousFrame this[int index] => _frames[index];

    public void Add(in PreviousFrame frame)
    {
        lock (_sequences)
        {
            _sequences.Add(frame.Sequence);
        }
        _frames.Add(frame);
        _count++;
    }

    /// <summary>The index of the next one after an index, or -1.</summary>
    public int Next(int index)
    {
        for (index++; index < _frames.Count; index++)
        {
            if (_frames[index].Length != 0)
            {
                return index;
            }
        }
        return -1;
    }

    /// <summary>It has been said again.</summary>
    public void Remove(int index)
    {
        lock (_sequences)
        {
            _sequences.Remove(_frames[index].Sequence);
        }
        _frames[index] = default;
        _count--;
        while (_first < _frames.Count && _frames[_first].Length == 0)
        {
            _first++;
        }
        if (_count == 0)
        {
            _frames.Clear();
            _first = 0;
        }
    }

    /// <summary>Whether the message of this number was not said again. Any thread.</summary>
    public bool Contains(long sequence)
    {
        if (_count == 0)
        {
            return false;
        }
        lock (_sequences)
        {
            return _sequences.Contains(sequence);
        }
    }
}
