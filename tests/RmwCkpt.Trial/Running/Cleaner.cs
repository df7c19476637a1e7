using RmwCkpt.Memory;

namespace RmwCkpt.Trial.Running;

/// <summary>Ends what a trial has started, in whatever incarnation it is, and removes its folder.</summary>
public static class Cleaner
{
    /// <summary>Says what would not go.</summary>
    public static string? EndAll(Nodes nodes)
    {
        for (var round = 0; round < 200; round++)
        {
            var pids = Belonging(nodes.CheckpointFolder);
            if (pids.Count == 0)
            {
                return null;
            }
            // Masters first: they revive the others. The others start a new master: hence rounds.
            foreach (var pid in pids.OrderByDescending(IsMaster))
            {
                Posix.Kill(pid, Posix.SigKill);
            }
            Thread.Sleep(10);
        }
        return $"processes {string.Join(", ", Belonging(nodes.CheckpointFolder))} do not end";
    }

    public static void RemoveFolder(Nodes nodes)
    {
        for (var left = 200; left > 0; left--)
        {
            try
            {
                Directory.Delete(nodes.Folder, recursive: true);
                return;
            }
            catch (DirectoryNotFoundException)
            {
                // Somebody was faster.
                return;
            }
            catch (IOException) when (left > 1)
            {
                // Who is being killed may have made something in it meanwhile.
                Thread.Sleep(10);
            }
        }
    }

    /// <summary>
    /// Those that have the trial's own folder in their environment: nodes of any incarnation and masters. Never this process,
    /// which has it too.
    /// </summary>
    private static List<int> Belonging(string folder)
    {
        var mark = System.Text.Encoding.UTF8.GetBytes($"RMW_CKPT_DIR={folder}\0");
        var found = new List<int>();
        foreach (var path in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(path), out var pid) && pid != Environment.ProcessId
                && Read($"{path}/environ").AsSpan().IndexOf(mark) >= 0)
            {
                found.Add(pid);
            }
        }
        return found;
    }

    private static bool IsMaster(int pid) =>
        System.Text.Encoding.UTF8.GetString(Read($"/proc/{pid}/cmdline")).Contains("\0master\0", StringComparison.Ordinal);

    private static byte[] Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // it has ended, or is another user's
        }
    }
}
