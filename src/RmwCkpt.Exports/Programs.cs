using RmwCkpt.Memory;

namespace RmwCkpt.Exports;

/// <summary>Finds what was installed beside this library.</summary>
internal static class Programs
{
    /// <summary>PREFIX/lib/libRmwCkpt.Core.so has the program at PREFIX/bin/rmw_ckpt.</summary>
    public static string? Find()
    {
        var given = Environment.GetEnvironmentVariable("RMW_CKPT_PROGRAM");
        if (!string.IsNullOrEmpty(given))
        {
            return given;
        }
        var library = Posix.LibraryOf(Exports.Address);
        var folder = library is null ? null : Path.GetDirectoryName(Path.GetFullPath(library));
        foreach (var candidate in new[] { "../bin/rmw_ckpt", "rmw_ckpt", "../lib/rmw_ckpt/rmw_ckpt" })
        {
            var path = folder is null ? null : Path.GetFullPath(Path.Combine(folder, candidate));
            if (path is not null && File.Exists(path))
            {
                return path;
            }
        }
        foreach (var folderOnPath in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
        {
            var path = Path.Combine(folderOnPath, "rmw_ckpt");
            if (folderOnPath.Length > 0 && File.Exists(path))
            {
                return path;
            }
        }
        return null;
    }
}
