using RmwCkpt.Registry;

namespace RmwCkpt.Middleware;

/// <summary>Keeps each type's description (JSON) once in the run folder, so that logs can be read without ROS.</summary>
public static class TypeDescriptions
{
    public static string PathOf(RunFolder folder, ReadOnlySpan<byte> typeHash) =>
        Path.Combine(folder.Types, $"{Convert.ToHexStringLower(typeHash)}.json");

    public static void Keep(RunFolder folder, EndpointOptions options)
    {
        if (options.TypeHash is null || options.Description is null)
        {
            return;
        }
        var path = PathOf(folder, options.TypeHash);
        if (File.Exists(path))
        {
            return;
        }
        try
        {
            var temporary = $"{path}.{Environment.ProcessId}";
            File.WriteAllText(temporary, options.Description);
            File.Move(temporary, path, overwrite: true);
        }
        catch (IOException e)
        {
            Report.Error($"keep the description of {options.Type}: {e.Message}; 'journal show' will not decode it");
        }
    }
}
