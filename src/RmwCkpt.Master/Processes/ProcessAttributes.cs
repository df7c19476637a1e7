using System.Globalization;
using Google.Protobuf;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Processes;

/// <summary>
/// What a process has of the kernel besides its memory and files: scheduling, umask, limits, control group. Read while it
/// lives, and given to the one that is started in its place.
/// </summary>
internal static class ProcessAttributes
{
    private const string ControlGroups = "/sys/fs/cgroup";
    private const int StackLimit = 3;
    private const int CoreLimit = 4;

    /// <summary>A process' attributes, by its main thread; empty ones when it cannot be looked at.</summary>
    public static Attributes Read(int pid)
    {
        var (policy, priority) = Posix.Scheduler(pid);
        if (policy < 0)
        {
            return new Attributes();
        }
        var read = new Attributes
        {
            Affinity = ByteString.CopyFrom(Posix.Affinity(pid)),
            Policy = policy,
            Priority = priority,
            Nice = Posix.Niceness(pid),
            Umask = Field($"/proc/{pid}/status", "Umask:") is { } mask ? Convert.ToUInt32(mask, 8) : 0x12,
            OomScoreAdjustment = int.TryParse(
                Field($"/proc/{pid}/oom_score_adj", ""), CultureInfo.InvariantCulture, out var adjustment) ? adjustment : 0,
            ControlGroup = Field($"/proc/{pid}/cgroup", "0::") ?? "",
            Session = (uint)(ProcessProbe.StateOf(pid)?.Session ?? 0),
        };
        read.Limits.AddRange(Posix.Limits(pid));
        read.OldControlGroups.AddRange(OldGroups(pid) ?? []);
        return read;
    }

    /// <summary>Starts a process that has these attributes as far as they can be given.</summary>
    /// <param name="spawn">Starts it, on the thread that it is called on; returns its process id.</param>
    /// <param name="lost">Told of each that it does not have.</param>
    public static int Spawn(Attributes attributes, Func<int> spawn, Action<string> lost)
    {
        if (attributes.Limits.Count == 0)
        {
            return spawn();
        }
        var pid = 0;
        Exception? failed = null;
        // A child begins with what the thread has that forks it; the thread is for this only.
        var thread = new Thread(() =>
        {
            try
            {
                if (Posix.UnshareFileSystem())
                {
                    _ = Posix.SetUmask((int)attributes.Umask);
                }
                _ = Posix.SetAffinity(0, attributes.Affinity.Span);
                // Not for this thread, whose child would be without it.
                if ((attributes.Policy & Posix.ResetOnFork) == 0)
                {
                    _ = Posix.SetScheduler(0, attributes.Policy, attributes.Priority);
                }
                Posix.TrySetNice(0, attributes.Nice);
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
        if (failed is not null)
        {
            throw failed is IOException ? failed : new IOException(failed.Message, failed);
        }
        GiveRest(pid, attributes);
        var lostGroups = JoinGroups(pid, attributes);
        foreach (var difference in Differences(attributes, Read(pid)).Append(lostGroups).OfType<string>())
        {
            lost(difference);
        }
        return pid;
    }

    /// <summary>Gives a process that runs already what it can still be given.</summary>
    private static void GiveRest(int pid, Attributes attributes)
    {
        for (var i = 0; i < attributes.Limits.Count / 2; i++)
        {
            _ = Posix.SetLimit(pid, i, attributes.Limits[i * 2], attributes.Limits[(i * 2) + 1]);
        }
        TryWrite($"/proc/{pid}/oom_score_adj", attributes.OomScoreAdjustment);
        // Its own limits may allow what ours did not.
        if (Posix.Scheduler(pid) != (attributes.Policy, attributes.Priority))
        {
            _ = Posix.SetScheduler(pid, attributes.Policy, attributes.Priority);
        }
        Posix.TrySetNice(pid, attributes.Nice);
    }

    /// <summary>Moves a process into the control groups that it had. Where it is in others, which is not to be helped: what it lacks.</summary>
    public static string? JoinGroups(int pid, Attributes attributes)
    {
        bool IsThere() => attributes.ControlGroup.Length == 0
            || Field($"/proc/{pid}/cgroup", "0::") is not { } there || there == attributes.ControlGroup;
        List<string> Missing() => [.. attributes.OldControlGroups.Except(OldGroups(pid) ?? attributes.OldControlGroups)];
        if (!IsThere())
        {
            Join("", attributes.ControlGroup, pid);
        }
        foreach (var group in Missing().Select(x => x.Split(':', 2)))
        {
            Join("/" + group[0].Replace("name=", "", StringComparison.Ordinal), group[^1], pid);
        }
        var lost = Missing();
        if (!IsThere())
        {
            lost.Insert(0, attributes.ControlGroup);
        }
        return lost.Count == 0 ? null : $"control group {string.Join(", ", lost)}";
    }

    private static void Join(string hierarchy, string group, int pid)
    {
        if (!group.Contains("..", StringComparison.Ordinal))
        {
            TryWrite($"{ControlGroups}{hierarchy}{group}/cgroup.procs", pid);
        }
    }

    /// <summary>A process' control groups of version 1; null: it has ended.</summary>
    private static IEnumerable<string>? OldGroups(int pid)
    {
        try
        {
            // 4:memory:/path
            return [.. File.ReadAllLines($"/proc/{pid}/cgroup").Select(x => x[(x.IndexOf(':', StringComparison.Ordinal) + 1)..])
                .Where(x => x[0] != ':')];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The processors that each thread of a process may run on, in hexadecimal, by thread id.</summary>
    public static IReadOnlyDictionary<int, string> Affinities(int pid) =>
        Threads(pid).ToDictionary(x => x, x => Convert.ToHexStringLower(Posix.Affinity(x)));

    /// <summary>Gives the threads of a restored process the processors that they had; CRIU does not.</summary>
    public static void SetAffinities(int pid, IReadOnlyDictionary<int, string> affinities)
    {
        foreach (var thread in Threads(pid))
        {
            if (affinities.TryGetValue(thread, out var mask) && mask.Length > 0)
            {
                _ = Posix.SetAffinity(thread, Convert.FromHexString(mask));
            }
        }
    }

    /// <summary>
    /// This process has no more of what it was started with than any other: it may have been started by a node of real time,
    /// or one bound to a processor, and what it starts has what it has.
    /// </summary>
    public static void Reset()
    {
        var all = new byte[128];
        all.AsSpan().Fill(0xff);
        foreach (var thread in Threads(Environment.ProcessId))
        {
            _ = Posix.SetAffinity(thread, all);
            _ = Posix.SetScheduler(thread, policy: 0, priority: 0);
            Posix.TrySetNice(thread, 0);
        }
        _ = Posix.SetUmask(0x3f);
        TryWrite("/proc/self/oom_score_adj", 0);
        var limits = Posix.Limits(0);
        for (var i = 0; i < limits.Length / 2; i++)
        {
            // The stack's is what threads have by default, and nobody asked for core files: all that is allowed is too much.
            if (i is not (StackLimit or CoreLimit))
            {
                _ = Posix.SetLimit(0, i, limits[(i * 2) + 1], limits[(i * 2) + 1]);
            }
        }
    }

    private static IEnumerable<string> Differences(Attributes wanted, Attributes got)
    {
        if (got.Limits.Count == 0)
        {
            yield break; // It has ended.
        }
        if (wanted.Affinity != got.Affinity)
        {
            yield return "the processors that it may run on";
        }
        if ((wanted.Policy, wanted.Priority) != (got.Policy, got.Priority))
        {
            yield return $"scheduling policy {wanted.Policy} with priority {wanted.Priority}";
        }
        if (wanted.Nice != got.Nice)
        {
            yield return $"niceness {wanted.Nice}";
        }
        if (wanted.Umask != got.Umask)
        {
            yield return $"umask {Convert.ToString(wanted.Umask, 8)}";
        }
        if (!wanted.Limits.SequenceEqual(got.Limits))
        {
            yield return "its limits (ulimit)";
        }
        if (wanted.OomScoreAdjustment != got.OomScoreAdjustment)
        {
            yield return $"oom_score_adj {wanted.OomScoreAdjustment}";
        }
    }

    private static List<int> Threads(int pid)
    {
        try
        {
            return [.. Directory.EnumerateDirectories($"/proc/{pid}/task")
                .Select(x => int.Parse(Path.GetFileName(x), CultureInfo.InvariantCulture))];
        }
        catch (IOException)
        {
            return [];
        }
    }

    /// <summary>What follows a name at a line's beginning.</summary>
    private static string? Field(string path, string name)
    {
        try
        {
            return File.ReadLines(path).FirstOrDefault(x => x.StartsWith(name, StringComparison.Ordinal))?[name.Length..].Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static void TryWrite(string path, int value)
    {
        try
        {
            var fd = Posix.Open(path, Posix.WriteOnly | Posix.CloseOnExec, 0);
            Posix.Write(fd, System.Text.Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture)));
            Posix.Close(fd);
        }
        catch (PosixException)
        {
            // Said by who compares what there is now.
        }
    }
}
