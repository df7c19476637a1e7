namespace RmwCkpt.Client;

/// <summary>Finds the rmw_ckpt program, which serves as master.</summary>
internal static class Programs
{
    public static string? Find()
    {
        var given = Environment.GetEnvironmentVariable("RMW_CKPT_PROGRAM");
        if (!string.IsNullOrEmpty(given))
        {
            return given;
        }
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return new[] { AppContext.BaseDirectory }.Concat(folders)
            .Select(folder => Path.Combine(folder, "rmw_ckpt"))
            .FirstOrDefault(File.Exists);
    }
}
