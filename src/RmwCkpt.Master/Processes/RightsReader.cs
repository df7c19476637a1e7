using System.Globalization;
using System.Runtime.ExceptionServices;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Processes;

/// <summary>Reads what a process may do from /proc, and gives a thread the same.</summary>
internal static class RightsReader
{
    private static readonly string[] s_namespaces = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"];
    private static readonly Lazy<Rights> s_own = new(() => Read(Posix.ProcessId)
        ?? throw new IOException("/proc does not say what this process may do"));

    /// <summary>Those of this process.</summary>
    public static Rights Own => s_own.Value;

    /// <summary>
    /// Null: /proc says nothing of it. Namespaces and root are left out where the kernel does not let us look: it does not if
    /// we lack a capability that the process has.
    /// </summary>
    public static Rights? Read(int pid)
    {
        var rights = new Rights();
        try
        {
            foreach (var line in File.ReadLines($"/proc/{pid}/status"))
            {
                var colon = line.IndexOf(':', StringComparison.Ordinal);
                Read(rights, line[..Math.Max(0, colon)], line[(colon + 1)..].Trim());
            }
            foreach (var name in s_namespaces)
            {
                if (ProcessProbe.Link($"/proc/{pid}/ns/{name}") is { Length: > 0 } link)
                {
                    rights.Namespaces[name] = link;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return null;
        }
        rights.Root = Posix.Identity($"/proc/{pid}/root") is { } root
            ? string.Create(CultureInfo.InvariantCulture, $"{root.Major}:{root.Minor}:{root.Inode}") : "";
        rights.Label = Label(pid);
        return rights.Users.Count == 0 ? null : rights;
    }

    /// <summary>
    /// Calls <paramref name="start"/>, which starts a process, with these rights where they differ from ours: in a thread of
    /// its own, which cannot take them back.
    /// </summary>
    /// <exception cref="PosixException">The kernel refuses.</exception>
    public static int With(Rights? rights, Func<int> start)
    {
        if (rights is null || RightsCheck.AreSame(rights, Own))
        {
            return start();
        }
        var result = 0;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Assume(RightsCheck.AfterStart(rights));
                result = start();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    /// <summary>
    /// The calling thread, and what it starts, get these rights. It cannot take that back: it is to end then. The order is
    /// given: what takes a capability comes before the capability goes.
    /// </summary>
    /// <exception cref="PosixException">The kernel refuses; the thread may have some of them.</exception>
    private static void Assume(Rights rights)
    {
        if (!rights.Supplementary.SequenceEqual(Own.Supplementary))
        {
            Posix.SetThreadGroups([.. rights.Supplementary]);
        }
        if (!rights.Groups.SequenceEqual(Own.Groups))
        {
            Posix.SetThreadGroup(rights.Groups[0], rights.Groups[1], rights.Groups[2]);
        }
        Posix.BoundThreadCapabilities(rights.Bounding, Own.Bounding);
        Posix.SetThreadCapabilities(rights.Permitted, rights.Inheritable, rights.Ambient);
        if (rights.NoNewPrivileges)
        {
            Posix.ForgoNewPrivileges();
        }
    }

    private static void Read(Rights rights, string name, string value)
    {
        switch (name)
        {
            case "Uid":
                rights.Users.Add(Numbers(value));
                break;
            case "Gid":
                rights.Groups.Add(Numbers(value));
                break;
            case "Groups":
                rights.Supplementary.Add(Numbers(value).Order());
                break;
            case "CapInh":
                rights.Inheritable = Hex(value);
                break;
            case "CapPrm":
                rights.Permitted = Hex(value);
                break;
            case "CapEff":
                rights.Effective = Hex(value);
                break;
            case "CapBnd":
                rights.Bounding = Hex(value);
                break;
            case "CapAmb":
                rights.Ambient = Hex(value);
                break;
            case "NoNewPrivs":
                rights.NoNewPrivileges = value != "0";
                break;
            case "Seccomp":
                rights.Seccomp = Numbers(value).First();
                break;
            case "Seccomp_filters":
                rights.SeccompFilters = Numbers(value).First();
                break;
            default:
                break;
        }
    }

    private static IEnumerable<uint> Numbers(string text) => text
        .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
        .Select(x => uint.Parse(x, CultureInfo.InvariantCulture));

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>
    /// What SELinux, AppArmor or Smack calls it; empty where there is none of them. AppArmor has many names for what it confines in
    /// nothing, by the program that it was started from.
    /// </summary>
    private static string Label(int pid)
    {
        try
        {
            var label = File.ReadAllText($"/proc/{pid}/attr/current").Trim('\0', '\n', ' ');
            return label.EndsWith("(unconfined)", StringComparison.Ordinal) ? "unconfined" : label;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
