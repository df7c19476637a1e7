using System.Globalization;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Processes;

/// <summary>
/// Compares what processes may do: what is brought back has the rights that it had when it joined, and never more. The
/// master is its parent, so whatever of the master's own cannot be changed in a child must be equal. Pure.
/// </summary>
internal static class RightsCheck
{
    private static readonly Dictionary<string, string> s_namespaces = new()
    {
        ["user"] = "user", ["mnt"] = "mount", ["pid"] = "process id", ["net"] = "network", ["ipc"] = "IPC", ["uts"] = "host name",
        ["cgroup"] = "cgroup",
    };

    private static readonly string[] s_capabilities =
    [
        "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "linux_immutable",
        "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio",
        "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time",
        "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog",
        "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore",
    ];

    /// <summary>Why no engine can bring a process back as what it was; null: one can.</summary>
    public static string? WhyNotBroughtBack(Rights? first, Rights own)
    {
        if (first is null)
        {
            return "what it may do is not known";
        }
        var isHidden = first.Namespaces.Count == 0 || first.Root.Length == 0;
        // First: in another user namespace capabilities are others.
        if (!isHidden && Elsewhere(first, own) is { } elsewhere)
        {
            return elsewhere;
        }
        return Lacking(first.Permitted & ~own.Permitted)
            ?? (isHidden ? "the master may not look at it in /proc: it is not dumpable, or has other groups" : null);
    }

    /// <summary>Why its command cannot be started again with the rights that it had; null: it can.</summary>
    public static string? WhyNotStartedAgain(Rights first, Rights own)
    {
        if (first.Seccomp != own.Seccomp || first.SeccompFilters != own.SeccompFilters)
        {
            return "its system calls are filtered in another way than the master's (seccomp)";
        }
        if (own.NoNewPrivileges && !first.NoNewPrivileges)
        {
            return "it may gain privileges, which the master may not (no_new_privs)";
        }
        if (Lacking(first.Bounding & ~own.Bounding) is { } lacking)
        {
            return lacking;
        }
        if (AfterStart(first).Bounding != own.Bounding && !Has(own, Capability.SetPcap))
        {
            return "capabilities that it can never have cannot be taken from its next incarnation: the master lacks cap_setpcap";
        }
        if (!IsRoot(first) && first.Permitted != first.Ambient)
        {
            return $"a program that is started again does not get the capabilities that it had ({Names(first.Permitted & ~first.Ambient)})";
        }
        var differ = !first.Groups.SequenceEqual(own.Groups) || !first.Supplementary.SequenceEqual(own.Supplementary);
        return differ && !Has(own, Capability.SetGid) ? "its groups are not the master's, which cannot change them" : null;
    }

    /// <summary>
    /// The rights with which its command is started again. Root gets all that its bounding set has with every program that it
    /// starts: the set is then no more than what it had.
    /// </summary>
    public static Rights AfterStart(Rights first)
    {
        var rights = first.Clone();
        if (IsRoot(first))
        {
            rights.Bounding &= first.Permitted;
            rights.Inheritable &= first.Permitted;
        }
        return rights;
    }

    /// <summary>What a process may do that another may not; null: nothing.</summary>
    public static string? More(Rights second, Rights first)
    {
        // One that has ended already is nowhere.
        var elsewhere = second.Namespaces.Count > 0 && Elsewhere(second, first) is not null;
        var gained = (second.Permitted & ~first.Permitted) | (second.Bounding & ~first.Bounding);
        return gained != 0 ? Names(gained)
            : first.NoNewPrivileges && !second.NoNewPrivileges ? "gain privileges"
            : first.Seccomp > second.Seccomp || first.SeccompFilters > second.SeccompFilters ? "make filtered system calls"
            : second.Supplementary.Concat(second.Groups).Except(first.Supplementary.Concat(first.Groups)).Any() ? "use other groups"
            : elsewhere ? "be in other namespaces, in another root folder, or another user" : null;
    }

    /// <summary>Whether a child of a process with these rights has the others' without being changed.</summary>
    public static bool AreSame(Rights first, Rights own) => AfterStart(first).Equals(own);

    private static string? Elsewhere(Rights first, Rights own)
    {
        foreach (var (name, id) in own.Namespaces)
        {
            if (!first.Namespaces.TryGetValue(name, out var its) || its != id)
            {
                return $"it is in another {s_namespaces.GetValueOrDefault(name, name)} namespace than the master";
            }
        }
        return first.Root != own.Root ? "its root folder is not the master's"
            : !first.Users.SequenceEqual(own.Users) ? "its real, effective and saved users are not the master's"
            : first.Label != own.Label ? $"its security label ({first.Label}) is not the master's ({own.Label})"
            : null;
    }

    private static bool IsRoot(Rights rights) => rights.Users.Take(2).Contains(0u);

    private static bool Has(Rights rights, Capability capability) => ((rights.Effective >> (int)capability) & 1) != 0;

    private static string? Lacking(ulong capabilities) =>
        capabilities == 0 ? null : $"it has capabilities that the master lacks ({Names(capabilities)})";

    private static string Names(ulong capabilities) => string.Join(", ", Enumerable.Range(0, 64)
        .Where(x => ((capabilities >> x) & 1) != 0)
        .Select(x => x < s_capabilities.Length ? "cap_" + s_capabilities[x] : string.Create(CultureInfo.InvariantCulture, $"capability {x}")));
}
