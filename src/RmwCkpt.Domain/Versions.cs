using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Domain;

/// <summary>Of what processes and their master must agree upon, as the domain's files live longer than each of them.</summary>
public static class Versions
{
    /// <summary>Of registry.proto, and of what the files in the run folder mean; raised when either changes.</summary>
    public const uint Protocol = 7;

    /// <summary>This build's release, for people to read.</summary>
    public static string Release { get; } = typeof(Versions).Assembly.GetName().Version?.ToString(3) ?? "?";

    /// <summary>Why a process cannot join; null: both are of one version.</summary>
    public static string? WhyNot(Hello process) => process.Protocol == Protocol
        ? null : Differ(process.Version, process.Protocol, Release, Protocol);

    /// <summary>The same for the process, of what the master has answered.</summary>
    public static string? WhyNot(Welcome master) => master.Protocol == Protocol
        ? null : Differ(Release, Protocol, master.Version, master.Protocol);

    private static string Differ(string process, uint its, string master, uint masters) =>
        $"this process is of rmw_ckpt {Named(process)} (protocol {its}), the master of the domain of {Named(master)} (protocol "
        + $"{masters}): end all nodes of the domain; once started again they are of one version, if all are built with the same";

    private static string Named(string version) => version.Length > 0 ? version : "an older version";
}
