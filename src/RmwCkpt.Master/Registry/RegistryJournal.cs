using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Registry;

/// <summary>
/// The registry's journal on disk: appended to before a request is answered, so that a master that is killed loses nothing
/// that it acknowledged. Not synced on each append: it need not outlive the host, as the logs do not. A journal that cannot
/// be written is behind (<see cref="WhyBehind"/>) until it has been written anew: what the master knows does not depend on
/// it. One writer; calls are under the registry's lock.
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

    /// <summary>Whether all that was in it when it was opened was good, and that was something.</summary>
    public bool WasWhole { get; private init; }

    /// <summary>Why it lacks what happened last (no space, most likely); null: it has all.</summary>
    public string? WhyBehind { get; private set; }

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
        return (new RegistryJournal(path, file, valid) { WasWhole = kind == TailKind.Clean && valid > 0 }, records);
    }

    /// <summary>Writes records with one write(2); where that fails, or failed before, the journal is behind from there on.</summary>
    public void Append(params ReadOnlySpan<RegistryRecord> records)
    {
        if (WhyBehind is not null)
        {
            return;
        }
        _buffer.SetLength(0);
        foreach (var record in records)
        {
            RegistryTail.Append(_buffer, record);
        }
        try
        {
            SpareRoom.Do(_path.Folder, _buffer.Length, () => RandomAccess.Write(_file, _buffer.GetBuffer().AsSpan(0, (int)_buffer.Length), Length));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            WhyBehind = e.Message;
            TryCut();
            return;
        }
        Length += _buffer.Length;
    }

    /// <summary>
    /// Replaces the journal by one with just these records: written aside, synced, renamed. Where that fails the old one
    /// stays, and is behind if it was.
    /// </summary>
    public void Compact(IEnumerable<RegistryRecord> live)
    {
        try
        {
            Replace(live);
            WhyBehind = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not again with each record: what would be gained is space, which there is none of.
            _liveSize = Length;
            WhyBehind ??= Length == 0 ? e.Message : null;
        }
    }

    /// <summary>What is in it is of no use; empty, it is behind until <see cref="Compact"/> has written it.</summary>
    public void Clear()
    {
        (Length, WhyBehind) = (0, "it is empty");
        TryCut();
    }

    /// <summary>From here on nothing is written: its folder was removed, and another master's may be in its place.</summary>
    public void Abandon() => (Length, WhyBehind) = (0, "its folder was removed");

    /// <summary>Half a record is none: the next master cuts it off too.</summary>
    private void TryCut()
    {
        try
        {
            RandomAccess.SetLength(_file, Length);
        }
        catch (IOException)
        {
        }
    }

    private void Replace(IEnumerable<RegistryRecord> live)
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
