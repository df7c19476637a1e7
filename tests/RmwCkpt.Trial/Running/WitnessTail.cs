using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using RmwCkpt.Memory;

namespace RmwCkpt.Trial.Running;

/// <summary>Follows a witness file while it grows. <see cref="Read"/> is one thread's; the rest is thread-safe.</summary>
public sealed class WitnessTail(string path) : IDisposable
{
    private readonly object _lock = new();
    private readonly byte[] _buffer = new byte[65536];
    private readonly StringBuilder _line = new();
    private readonly List<long> _arrivals = [];
    private readonly List<long> _stamps = [];
    private SafeFileHandle? _file;
    private long _offset;
    private long[] _last = [];

    public string Path => path;

    /// <summary>The newest whole line's numbers; empty: there is none.</summary>
    public long[] Last
    {
        get
        {
            lock (_lock)
            {
                return _last;
            }
        }
    }

    /// <summary>When each line was seen here (monotonic, ns).</summary>
    public IReadOnlyList<long> Arrivals()
    {
        lock (_lock)
        {
            return [.. _arrivals];
        }
    }

    /// <summary>Each line's last number.</summary>
    public IReadOnlyList<long> Stamps()
    {
        lock (_lock)
        {
            return [.. _stamps];
        }
    }

    /// <summary>Reads what is new.</summary>
    public void Read()
    {
        if (_file is null)
        {
            if (!File.Exists(path))
            {
                return;
            }
            _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        int count;
        while ((count = RandomAccess.Read(_file, _buffer, _offset)) > 0)
        {
            var now = Posix.Now(Posix.MonotonicClock);
            _offset += count;
            lock (_lock)
            {
                foreach (var b in _buffer.AsSpan(0, count))
                {
                    if (b == '\n')
                    {
                        Take(now);
                    }
                    else
                    {
                        _line.Append((char)b);
                    }
                }
            }
        }
    }

    public void Dispose() => _file?.Dispose();

    private void Take(long now)
    {
        var parts = _line.ToString().Split(' ');
        _line.Clear();
        var numbers = new long[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            if (!long.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i]))
            {
                return; // the judge counts it
            }
        }
        _last = numbers;
        _arrivals.Add(now);
        _stamps.Add(numbers[^1]);
    }
}
