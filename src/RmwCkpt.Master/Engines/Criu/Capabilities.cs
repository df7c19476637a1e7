using System.Globalization;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines.Criu;

/// <summary>What CRIU needs of capabilities(7), what this process may give it, and giving it.</summary>
public static class Capabilities
{
    private const ulong SetCapabilities = 1ul << 8;
    private const ulong Trace = 1ul << 19;
    private const ulong Administration = 1ul << 21;
    private const ulong Resources = 1ul << 24;
    private const ulong CheckpointRestore = 1ul << 40;
    private const ulong Needed = CheckpointRestore | Trace;

    /// <summary>CRIU is to be told that it has not all that root has.</summary>
    public static bool AreFew => (Permitted & Administration) == 0;

    /// <summary>What this process lacks to dump and restore others, with the remedy; null: nothing.</summary>
    public static string? Lacking(string status = "/proc/self/status")
    {
        var permitted = Of(status, "CapPrm:");
        if ((permitted & Needed) != Needed)
        {
            return "it needs CAP_CHECKPOINT_RESTORE and CAP_SYS_PTRACE, which "
                + (Posix.UserId == 0 ? "root has not here: give them to the container" : "this user has not: run the nodes as root, or "
                    + "as root: chgrp GROUP RMW_CKPT && chmod 0750 RMW_CKPT && setcap cap_checkpoint_restore,cap_sys_ptrace+ep RMW_CKPT "
                    + "(the program rmw_ckpt; who may run it may look into others' processes)");
        }
        return LacksBounds(status, permitted);
    }

    /// <summary>
    /// Why a process cannot be restored as it was: what its bounding set lacks CRIU takes from it again, for which it needs
    /// CAP_SETPCAP; else the restore never ends. Null: it can.
    /// </summary>
    public static string? LacksBoundsOf(int pid) => LacksBounds($"/proc/{pid}/status", Permitted);

    /// <summary>Starts CRIU with what it needs, on a thread of its own where that has to be handed on.</summary>
    public static int Spawn(Func<int> spawn)
    {
        if (Posix.UserId == 0 || (Permitted & Needed) != Needed)
        {
            return spawn();
        }
        var pid = 0;
        Exception? failed = null;
        var thread = new Thread(() =>
        {
            try
            {
                Posix.MakeAmbient((Needed | SetCapabilities | Resources) & Permitted);
                pid = spawn();
            }
            catch (Exception e)
            {
                failed = e;
            }
        })
        { Name = "spawn" };
        thread.Start();
        thread.Join();
        return failed is null ? pid : throw new IOException(failed.Message, failed);
    }

    private static ulong Permitted => Of("/proc/self/status", "CapPrm:");

    private static string? LacksBounds(string status, ulong permitted)
    {
        var missing = ~Of(status, "CapBnd:") & ((2ul << Last()) - 1);
        return missing == 0 || (permitted & SetCapabilities) != 0
            ? null
            : $"the bounding set of capabilities lacks some (0x{missing:x}), which CRIU can restore with CAP_SETPCAP only: give it that too "
                + "(cap_setpcap), or run the nodes without --cap-drop";
    }

    private static int Last() =>
        int.TryParse(File.ReadAllText("/proc/sys/kernel/cap_last_cap"), CultureInfo.InvariantCulture, out var last) ? last : 40;

    private static ulong Of(string status, string set)
    {
        try
        {
            var line = File.ReadLines(status).FirstOrDefault(x => x.StartsWith(set, StringComparison.Ordinal));
            return line is null ? 0 : ulong.Parse(line[set.Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
