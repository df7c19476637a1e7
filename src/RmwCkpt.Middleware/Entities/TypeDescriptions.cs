using System.Collections.Concurrent;
using System.Text;
using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Entities;

/// <summary>
/// Keeps each type's description (JSON) once in the run folder, so that logs can be read without ROS. Thread-safe.
/// </summary>
public sealed class TypeDescriptions(RunFolder folder)
{
    /// <summary>Those of this process' own types, and how each is made.</summary>
    private readonly ConcurrentDictionary<TrustedPath, Func<string>> _own = new();

    public static TrustedPath PathOf(RunFolder folder, ReadOnlySpan<byte> typeHash) =>
        folder.Types / $"{Convert.ToHexStringLower(typeHash)}.json";

    /// <param name="options">Its description can be asked for as long as this process lives.</param>
    public void Keep(EndpointOptions options)
    {
        if (options.TypeHash is not null && options.Description is { } description
            && PathOf(folder, options.TypeHash) is var path && _own.TryAdd(path, description))
        {
            Write(path, description);
        }
    }

    /// <summary>Somebody has removed the run folder: what is missing in the one that was made again is written.</summary>
    public void KeepAgain()
    {
        foreach (var (path, description) in _own)
        {
            Write(path, description);
        }
    }

    private void Write(TrustedPath path, Func<string> description)
    {
        try
        {
            if (!path.Exists)
            {
                var temporary = path + $".{Environment.ProcessId}";
                var text = Encoding.UTF8.GetBytes(description());
                path.Parent.MakeFolder();
                SpareRoom.Do(folder.Folder, text.Length, () => temporary.WriteAll(text));
                temporary.MoveTo(path);
            }
        }
        catch (IOException e)
        {
            Report.Error($"keep the type description {path}: {e.Message}; 'journal show' will not decode what is of that type");
        }
    }
}
