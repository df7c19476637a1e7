using RmwCkpt.Domain;
using RmwCkpt.Memory;

namespace RmwCkpt.Exports;

/// <summary>Finds what was installed beside this library.</summary>
internal static class Programs
{
    /// <summary>PREFIX/lib/libRmwCkpt.Core.so has the program at PREFIX/bin/rmw_ckpt.</summary>
    public static string? Find()
    {
        var settings = Settings.OfProcess;
        if (settings.Text(Settings.Program) is { } given)
        {
            return given;
        }
        string[] beside = Posix.LibraryOf(Exports.Address) is { } library && Path.GetDirectoryName(Path.GetFullPath(library)) is { } folder
            ? [Path.Combine(folder, "../bin"), folder, Path.Combine(folder, "../lib/rmw_ckpt")] : [];
        return settings.FindProgram("rmw_ckpt", beside);
    }
}
