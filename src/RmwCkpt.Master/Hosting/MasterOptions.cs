using Microsoft.Extensions.Logging;
using RmwCkpt.Domain;

namespace RmwCkpt.Master.Hosting;

/// <summary>
/// What the environment of the node that started the master asks for, for the whole domain; what each process asks for itself
/// is its <see cref="RmwCkpt.Domain.Protocol.Policy"/>. A bad value is replaced by the default and said in the log.
/// </summary>
public sealed record MasterOptions
{
    /// <summary>Cells of a journal after which a snapshot is taken early: replay re-reads them.</summary>
    public long JournalLimit { get; init; } = 200_000;

    /// <summary>Bytes that each log keeps at most (RMW_CKPT_RETENTION), if that was asked for.</summary>
    public long? Retention { get; init; }

    /// <summary>Bytes that the domain may have for logs, journals and images, if that was asked for.</summary>
    public long? Memory { get; init; }

    /// <summary>Whether images are moved to the disk (RMW_CKPT_KEEP=disk).</summary>
    public bool KeepsOnDisk { get; init; }

    public string? CriuProgram { get; init; }

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>One line for each value that could not be used.</summary>
    public IReadOnlyList<string> Complaints { get; init; } = [];

    public static MasterOptions FromEnvironment(Settings settings) => new()
    {
        JournalLimit = (long?)settings.Value(Settings.JournalLimit) ?? new MasterOptions().JournalLimit,
        Retention = settings.Value(Settings.Retention),
        Memory = settings.Value(Settings.Memory),
        KeepsOnDisk = settings.Value(Settings.Keep) ?? false,
        CriuProgram = settings.Text(Settings.CriuProgram),
        LogLevel = settings.Value(Settings.LogLevel) switch
        {
            LogDetail.Debug => LogLevel.Debug,
            LogDetail.Warning => LogLevel.Warning,
            LogDetail.Error => LogLevel.Error,
            LogDetail.Fatal => LogLevel.Critical,
            _ => LogLevel.Information,
        },
        Complaints = settings.Complaints,
    };
}
