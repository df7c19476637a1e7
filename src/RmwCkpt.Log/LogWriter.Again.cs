namespace RmwCkpt.Log;

/// <summary>A log whose files somebody has removed while its writer lives.</summary>
public sealed partial class LogWriter
{
    /// <summary>
    /// The next frame goes into another segment: what readers have mapped of this one's is not all that there is now, which they
    /// look for where a segment begins.
    /// </summary>
    private bool _beginsAnew;

    /// <summary>
    /// Makes again, by their names, the files that this process has mapped; what stood in older segments is gone. Readers
    /// that have the same mapped go on there (<see cref="LogReader.Renew"/>). Does nothing if they are there.
    /// </summary>
    /// <exception cref="RmwCkpt.Memory.PosixException">ENOSPC and the like; it can be tried again.</exception>
    public void Remake()
    {
        if (Head.Is(_folder))
        {
            return;
        }
        _folder.Folder.RenewIfRemoved();
        _folder.MakeFolder();
        var number = _view.ReadInt64(Segment.Number);
        var path = Segment.PathOf(_folder, number);
        // Made since the removal, it may be read already.
        _beginsAnew = _segment.Is(path);
        if (!_beginsAnew)
        {
            _segment.Remake(path);
        }
        _pool?.Remake();
        var first = number;
        while (first > 0 && Segment.PathOf(_folder, first - 1).Exists)
        {
            first--;
        }
        // Last: who finds it finds the others.
        Head.Remake(_folder, first, number);
    }

    /// <summary>
    /// This segment is left, and somebody has removed its file, of which <see cref="Remake"/> will not have anything mapped any
    /// more: makes it again now. A reader that lost sight of the log meanwhile goes on where it was.
    /// </summary>
    private void KeepIfRemoved()
    {
        var path = Segment.PathOf(_folder, _number);
        if (_number < Head.FirstSegment || _segment.Is(path))
        {
            return;
        }
        try
        {
            _segment.Remake(path);
        }
        catch (IOException)
        {
            // There is no room: it is gone as older ones are.
        }
    }
}
