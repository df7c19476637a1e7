using RmwCkpt.Domain;
using RmwCkpt.Log;

namespace RmwCkpt.Middleware.Replay;

/// <summary>The numbers by which a journal names logs, in the order in which it first does. Under the gate.</summary>
internal sealed class LogNumbers
{
    private readonly Dictionary<Gid, uint> _numbers = [];
    private readonly List<Gid> _logs = [];
    private ulong _process;

    /// <summary>The number that the next log gets.</summary>
    public uint Next => (uint)_logs.Count;

    public bool TryFind(Gid log, out uint number) => _numbers.TryGetValue(log, out number);

    /// <summary>The log of a number.</summary>
    public Gid this[uint number] => number < _logs.Count ? _logs[(int)number] : default;

    public void Add(Gid log)
    {
        if (_numbers.TryAdd(log, Next))
        {
            _logs.Add(log);
        }
    }

    /// <summary>One of the two cells that name a log.</summary>
    public void Read(in Cell cell)
    {
        if (cell.Kind == (byte)Determinant.LogProcess)
        {
            _process = (ulong)cell.Value;
        }
        else
        {
            Add(new Gid(_process, (uint)cell.Value, (uint)(cell.Value >> 32)));
        }
    }
}
