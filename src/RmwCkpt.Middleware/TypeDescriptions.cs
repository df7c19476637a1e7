using System.Collections.Concurrent;
using System.Text;
using RmwCkpt.Memory;
using RmwCkpt.Registry;

namespace RmwCkpt.Middleware;

/// <summary>
/// Keeps each type's description (JSON) once in the run folder, so that logs can be read without ROS. Thread-safe.
/// </summary>
public sealed class TypeDescriptions(RunFolder folder)
{
    /// <summary>Those of which this process knows that they are there.</summary>
    private readonly ConcurrentDictionary<TrustedPath, bool> _kept = new();

    public static TrustedPath PathOf(RunFolder folder, ReadOnlySpan<byte> typeHash) =>
        folder.Types / $"{Convert.ToHexStringLower(typeHash)}.json";

    public void Keep(EndpointOptions options)
    {
        if (options.TypeHash is null || options.Description is null)
        {
            return;
        }
        var path = PathOf(folder, options.TypeHash);
        if (_kept.ContainsKey(path))
        {
            return;
        }
        try
        {
            if (!path.Exists)
            {
                var temporary = path + $".{Environment.ProcessId}";
                temporary.WriteAll(Encoding.UTF8.GetBytes(options.Description()));
                temporary.MoveTo(path);
            }
            _kept[path] = true;
        }
        catch (IOException e)
        {
            Report.Error($"keep the description of {options.Type}: {e.Message}; 'journal show' will not decode it");
        }
    }
}
