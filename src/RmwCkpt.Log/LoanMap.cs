using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>
/// A log's <see cref="LoanFile"/>s as a reader has them mapped: read-only, each from when it is first referred to.
/// Thread-safety: that of its owner.
/// </summary>
internal sealed class LoanMap(TrustedPath folder) : IDisposable
{
    private const int MaxFiles = 1 << 20;

    private readonly Dictionary<int, Mapping> _files = [];

    /// <summary>Goes to those that the writer has made again.</summary>
    public void Renew()
    {
        foreach (var (number, file) in _files)
        {
            var path = LoanFile.PathOf(folder, number);
            if (!file.Is(path))
            {
                file.MoveTo(path);
            }
        }
    }

    /// <summary>The file that a payload is in, or null.</summary>
    public Mapping? FileOf(Region payload)
    {
        foreach (var (_, file) in _files)
        {
            if (payload.Address >= file.View.Address && payload.Address < file.View.Address + file.View.Length)
            {
                return file;
            }
        }
        return null;
    }

    /// <summary>The payload that a frame refers to. False: it refers to nothing, or not to what it says.</summary>
    /// <param name="reference">The frame's own payload, a <see cref="LoanReference"/>.</param>
    /// <param name="verify">The longest payload, bytes, whose CRC is looked at.</param>
    public bool TryFollow(Region reference, int verify, out Region payload)
    {
        payload = default;
        if (reference.Length != LoanReference.Size)
        {
            return false;
        }
        var offset = reference.ReadInt32(LoanReference.Offset);
        var length = reference.ReadInt32(LoanReference.Length);
        if (FileOf(reference.ReadInt32(LoanReference.File)) is not { } file
            || offset < LoanFile.HeadSize || length < 0 || (long)offset + length > file.View.Length)
        {
            return false;
        }
        payload = file.View.Slice(offset, length);
        return length > verify || payload.Crc32C(0, length) == reference.ReadUInt32(LoanReference.Crc);
    }

    private Mapping? FileOf(int number)
    {
        if (_files.TryGetValue(number, out var file) || number is < 0 or > MaxFiles)
        {
            return file;
        }
        try
        {
            file = LoanFile.Open(folder, number, writable: false);
        }
        catch (InvalidDataException)
        {
            return null;
        }
        if (file is not null)
        {
            _files.Add(number, file);
        }
        return file;
    }

    public void Dispose()
    {
        foreach (var (_, file) in _files)
        {
            file.Dispose();
        }
        _files.Clear();
    }
}
