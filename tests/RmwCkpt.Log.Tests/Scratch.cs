using RmwCkpt.Memory;

namespace RmwCkpt.Log.Tests;

/// <summary>A folder of its own in memory, and what most tests do with a log in it.</summary>
internal sealed class Scratch : IDisposable
{
    private static readonly string s_parent =
        Directory.Exists("/dev/shm") && new DriveInfo("/dev/shm").TotalSize >= 1L << 30 ? "/dev/shm" : Path.GetTempPath();

    private static int s_count;
    private readonly TrustedFolder _folder;

    /// <param name="parent">Memory unless said, or what there is where that has little room, as in a container.</param>
    public Scratch(string? parent = null)
    {
        Folder = Path.Combine(parent ?? s_parent, $"{Prefix}{Interlocked.Increment(ref s_count)}");
        _folder = TrustedFolder.Open(Folder, make: true, "");
    }

    public string Folder { get; }

    public TrustedPath At => _folder.Root;

    private static string Prefix => $"rmw_ckpt-test-{Environment.ProcessId}-t{Environment.CurrentManagedThreadId}-";

    /// <summary>Unmaps what incarnations that ended in the middle of a call of this thread have left mapped.</summary>
    public static void Sweep()
    {
        foreach (var line in File.ReadAllLines("/proc/self/maps"))
        {
            if (line.EndsWith(" (deleted)", StringComparison.Ordinal) && line.Contains(Prefix, StringComparison.Ordinal))
            {
                var ends = line[..line.IndexOf(' ', StringComparison.Ordinal)].Split('-');
                var (from, to) = (Convert.ToInt64(ends[0], 16), Convert.ToInt64(ends[1], 16));
                Posix.Unmap((nint)from, (int)(to - from));
            }
        }
    }

    public LogWriter Write(long retention = long.MaxValue / 2, long kept = 0, int first = 4096, int usual = 4096) =>
        LogWriter.Open(At, new FixedLimits(retention), kept, _ => { }, first, usual);

    public LogReader Read() => LogReader.Open(At);

    /// <summary>The payload that message number <paramref name="i"/> has.</summary>
    public static byte[] Payload(long i, int size)
    {
        var bytes = new byte[size];
        new Random(unchecked((int)i)).NextBytes(bytes);
        return bytes;
    }

    /// <summary>All of one cause.</summary>
    public static Origin Replayed => new(0, 0, Novelty.Replayed);

    public static (AppendResult Result, long Sequence) Append(
        LogWriter writer, ReadOnlySpan<byte> payload, uint incarnation = 1, long time = 0, byte flags = 0, int key = 0,
        Origin? origin = null)
    {
        var reservation = writer.Reserve(payload.Length);
        payload.CopyTo(reservation.Payload.All);
        return (writer.Commit(reservation, payload.Length, flags, incarnation, time, origin ?? Replayed, out var sequence, key), sequence);
    }

    /// <summary>As Append, written where it is read, in what is lent for payloads of <paramref name="size"/> bytes.</summary>
    public static (AppendResult Result, long Sequence) Lend(
        LogWriter writer, ReadOnlySpan<byte> payload, int size, uint incarnation = 1, long time = 0, byte flags = 0, Origin? origin = null)
    {
        var loan = writer.Borrow(size)!;
        payload.CopyTo(loan.Payload.All);
        return (writer.Commit(loan, payload.Length, flags, incarnation, time, origin ?? Replayed, out var sequence), sequence);
    }

    /// <summary>Appends messages <paramref name="from"/> to <paramref name="to"/>, number i of time 10 i.</summary>
    public static void AppendMany(LogWriter writer, int from, int to, int size)
    {
        for (var i = from; i <= to; i++)
        {
            Append(writer, Payload(i, size), time: 10 * i);
        }
    }

    public static List<(long Sequence, byte[] Payload)> Drain(LogReader reader)
    {
        var all = new List<(long, byte[])>();
        while (reader.TryPeek(out var frame))
        {
            all.Add((frame.Sequence, frame.Payload.All.ToArray()));
            reader.Advance();
        }
        return all;
    }

    public static List<long> Sequences(LogReader reader) => Drain(reader).ConvertAll(f => f.Sequence);

    /// <summary>Changes bytes of a segment or head as a fault would.</summary>
    public void Damage(string file, int offset, params byte[] bytes)
    {
        using var mapping = Mapping.Open(At / file);
        bytes.CopyTo(mapping.View.Span(offset, bytes.Length));
    }

    public void Dispose()
    {
        _folder.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
