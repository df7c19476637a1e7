using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using RmwCkpt.Memory;
using RmwCkpt.Registry.Protocol;

namespace RmwCkpt.Master.Registry;

/// <summary>
/// The registry's journal on disk: appended to before a request is answered, so that a master that is killed loses nothing
/// that it acknowledged. Not synced on each append: it need not outlive the host, as the logs do not. One writer; calls are
/// under the registry's lock.
/// </summary>
public sealed class RegistryJournal : IDisposable
{
    public const long CompactAt = 1 << 20;

    /// <summary>Bytes of a journal that is read; one is written anew long before.</summary>
    private const int Largest = 1 << 30;

    private readonly TrustedPath _path;
    private readonly MemoryStream _buffer = new();
    private SafeFileHandle _file;
    private long _liveSize;

    private RegistryJournal(TrustedPath path, SafeFileHandle file, long length)
    {
        _path = path;
        _file = file;
        Length = _liveSize = length;
    }

    public long Length { get; private set; }

    /// <summary>Whether it has grown so far beyond what lives in it that it should be written anew.</summary>
    public bool WantsCompaction => Length > CompactAt && Length > 4 * _liveSize;

    /// <summary>Opens the journal, or makes an empty one, and returns what is good in it; the rest is cut off.</summary>
    public static (RegistryJournal Journal, IReadOnlyList<RegistryRecord> Records) Open(TrustedPath path, ILogger log)
    {
        (path + ".new").Unlink();
        var bytes = path.Exists ? path.ReadAll(Largest) : [];
        var (records, valid, kind) = RegistryTail.Scan(bytes);
        if (kind == TailKind.Damaged)
        {
            var aside = path + ".damaged";
            aside.WriteAll(bytes);
            log.JournalDamaged(path.FullName, valid, bytes.Length, aside.FullName);
        }
        else if (kind == TailKind.Torn)
        {
            log.JournalCut(path.FullName, valid, bytes.Length);
        }
        var file = new SafeFileHandle(path.Open(Posix.ReadWrite | Posix.Make), ownsHandle: true);
        if (valid != bytes.Length)
        {
            RandomAccess.SetLength(file, valid);
        }
        return (new RegistryJournal(path, file, valid), records);
    }

    /// <summary>Writes records with one write(2). On failure the file is as it was.</summary>
    /// <exception cref="IOException">The disk is full or gone.</exception>
    public void Append(params ReadOnlySpan<RegistryRecord> records)
    {
        _buffer.SetLength(0);
        foreach (var record in records)
        {
            RegistryTail.Append(_buffer, record);
        }
        try
        {
            RandomAccess.Write(_file, _buffer.GetBuffer().AsSpan(0, (int)_buffer.Length), Length);
        }
        catch
        {
            RandomAccess.SetLength(_file, Length);
            throw;
        }
        Length += _buffer.Length;
    }

    /// <summary>Replaces the journal by one with just these records: written aside, synced, renamed.</summary>
    public void Compact(IEnumerable<RegistryRecord> live)
    {
        var aside = _path + ".new";
        _buffer.SetLength(0);
        foreach (var record in live)
        {
            RegistryTail.Append(_buffer, record);
        }
        var file = new SafeFileHandle(aside.OpenNew(), ownsHandle: true);
        try
        {
            RandomAccess.Write(file, _buffer.GetBuffer().AsSpan(0, (int)_buffer.Length), 0);
            RandomAccess.FlushToDisk(file);
            aside.MoveTo(_path);
            _path.Parent.Sync();
        }
        catch
        {
            file.Dispose();
            aside.Unlink();
            throw;
        }
        _file.Dispose();
        _file = file;
        Length = _liveSize = _buffer.Length;
        if (_buffer.Capacity > 4 * CompactAt)
        {
            _buffer.SetLength(0);
            _buffer.Capacity = 0;
        }
    }

    public void Dispose()
    {
        _file.Dispose();
        _buffer.Dispose();
    }
}
