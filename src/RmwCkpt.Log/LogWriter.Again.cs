namespace RmwCkpt.Log;

/// <summary>A log whose files somebody has removed while its writer lives.</summary>
public sealed partial class LogWriter
{
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
        _folder.MakeFolder();
        var number = _view.ReadInt64(Segment.Number);
        var path = Segment.PathOf(_folder, number);
        if (!_segment.Is(path))
        {
            _segment.Remake(path);
        }
        _pool?.Remake();
        // Last: who finds it finds the others.
        Head.Remake(_folder, number);
    }
}
