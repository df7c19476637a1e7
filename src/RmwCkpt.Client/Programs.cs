using RmwCkpt.Domain;

namespace RmwCkpt.Client;

/// <summary>Finds the rmw_ckpt program, which serves as master.</summary>
internal static class Programs
{
    public static string? Find()
    {
        var settings = Settings.OfProcess;
        return settings.Text(Settings.Program) ?? settings.FindProgram("rmw_ckpt", AppContext.BaseDirectory);
    }
}
