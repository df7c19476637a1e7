namespace RmwCkpt.Middleware.Replay;

/// <summary>
/// For which guard conditions a replay waits until this life triggers them. Some it never does: what triggered them, as a key
/// that somebody pressed, does not happen again. Under the gate.
/// </summary>
internal sealed class Triggers
{
    /// <summary>So many times in a row is a guard condition waited for in vain, and then no more.</summary>
    private const int Tries = 3;

    private readonly Dictionary<uint, int> _vain = [];
    private uint _over;

    public void Clear()
    {
        _vain.Clear();
        _over = 0;
    }

    /// <summary>Whether to wait for one that is not triggered. <paramref name="isOver"/>: it was waited for long enough.</summary>
    public bool IsAwaited(uint guard, bool isOver)
    {
        if (!isOver && _vain.GetValueOrDefault(guard) < Tries)
        {
            return true;
        }
        _over = guard;
        return false;
    }

    /// <summary>A wait tells of it: in vain, if it was not waited for any longer.</summary>
    public void NoteTold(uint guard)
    {
        if (_over == guard)
        {
            _vain[guard] = _vain.GetValueOrDefault(guard) + 1;
            _over = 0;
        }
        else
        {
            _vain.Remove(guard);
        }
    }
}
