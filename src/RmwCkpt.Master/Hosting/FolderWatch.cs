using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Hosting;

/// <summary>
/// Whether the run folder is the one that this master began in: somebody may have removed it, and others may have made theirs
/// in its place. What is in that is not to be touched, and who has nothing left to look after ends. Thread-safe.
/// </summary>
internal sealed class FolderWatch
{
    private readonly TrustedFolder _folder;
    private readonly (TrustedPath Path, (uint, uint, ulong)? Id)[] _files;

    /// <summary>What was gone when this began, though the master had made it a moment before.</summary>
    private readonly string? _lost;

    /// <summary>From here on these are the ones.</summary>
    public FolderWatch(RunFolder folder)
    {
        _folder = folder.Folder;
        _files = [.. new[] { folder.Table, folder.Graph, folder.Lock }.Select(x => (x, x.Facts?.Id))];
        _lost = _files.Take(2).Where(x => x.Id is null).Select(x => $"{x.Path} was removed").FirstOrDefault();
    }

    /// <summary>What has become of it, or null.</summary>
    public string? WhyLost =>
        _lost ?? (!_folder.IsInPlace
            ? $"its run folder {_folder.Path} was removed, or another is in its place"
            : _files.Where(x => x.Path.Facts?.Id != x.Id).Select(x => $"{x.Path} was removed, or another is in its place").FirstOrDefault());

    /// <summary>Why nobody begins in what has its path now, for others could change what that leads to; or null.</summary>
    public string? WhyBarred => _folder.WhyBarred;
}
