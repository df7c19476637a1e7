using RmwCkpt.Memory;

namespace RmwCkpt.Cli.Export;

/// <summary>
/// A file that is there under its name when it is whole, and not before: it is written under another one beside it, which goes
/// where it is not finished.
/// </summary>
internal sealed class OutputFile : IDisposable
{
    private const int Buffer = 1 << 20;

    private readonly string _path;
    private readonly string _temporary;
    private readonly FileStream _stream;
    private bool _isDone;

    /// <exception cref="CommandException">It cannot be made there; the message says why.</exception>
    public OutputFile(string path)
    {
        try
        {
            // A link stays one: what it leads to is replaced.
            _path = (Path.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true) : null)?.FullName ?? Path.GetFullPath(path);
            if (Posix.FactsOf(_path) is { IsFile: false })
            {
                // A device or a pipe is not to be replaced by a file.
                throw new CommandException($"{path} is no regular file: name another one with -o");
            }
            _temporary = Path.Combine(Path.GetDirectoryName(_path)!, $".{Path.GetFileName(_path)}.{Environment.ProcessId}.part");
            _stream = new FileStream(_temporary, FileMode.Create, FileAccess.Write, FileShare.Read, Buffer);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"cannot write {path}: {e.Message}");
        }
    }

    public Stream Stream => _stream;

    /// <summary>Bytes of the file, once it is finished.</summary>
    public long Length { get; private set; }

    /// <summary>Gives it its name. The one that had it is replaced.</summary>
    public void Finish()
    {
        try
        {
            _stream.Flush();
            Length = _stream.Length;
            _stream.Dispose();
            File.Move(_temporary, _path, overwrite: true);
            _isDone = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"{_path} is not written: {e.Message}");
        }
    }

    public void Dispose()
    {
        if (_isDone)
        {
            return;
        }
        try
        {
            _stream.Dispose();
        }
        catch (IOException)
        {
            // What it still had in memory finds no room either, and is not wanted.
        }
        File.Delete(_temporary);
    }
}
