using Microsoft.Extensions.Logging;
using RmwCkpt.Domain;
using RmwCkpt.Master.Hosting;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Server;
using RmwCkpt.Master.Snapshots;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Sweeping;

/// <summary>
/// Looks at intervals how much of its memory the domain has taken, and shares it out: what each log and journal may keep is
/// a word in the process table, which writers read at each new segment; another is what all may grow by together until it
/// looks again. Says when little is left.
/// </summary>
internal sealed class MemoryWatch : IDisposable
{
    private const int Interval = 1000;

    /// <summary>The same where much is being taken, or who has joined will.</summary>
    private const int Soon = 50;

    /// <summary>Looking takes no more than this part of the time: large domains are looked at less often.</summary>
    private const int PartOfTime = 200;
    private const int PartOfTimeSoon = 20;
    private const long MostBetween = 10 * Clock.Second;

    private static readonly int[] s_warnAt = [80, 95];

    private readonly RunFolder _folder;
    private readonly ProcessRegistry _registry;
    private readonly MasterOptions _options;
    private readonly ILogger _log;
    private readonly DomainMemory _words;
    private readonly Timer _timer;
    private readonly object _gate = new();
    private int _warned;

    /// <summary>Bytes of images that are being written: what is there of them already counts twice.</summary>
    private long _expected;

    /// <summary>When the next look is, and how long the last one took, ns.</summary>
    private long _nextAt;
    private long _took;

    public MemoryWatch(RunFolder folder, ProcessRegistry registry, MasterOptions options, ILogger log)
    {
        (_folder, _registry, _options, _log) = (folder, registry, options, log);
        _words = new DomainMemory(registry.Table.Domain);
        _timer = new Timer(_ => LookAgain(), null, Timeout.Infinite, Timeout.Infinite);
        registry.Registered += _ => LookIn(Math.Clamp(_took * PartOfTimeSoon, Soon * Clock.Millisecond, Interval * Clock.Millisecond), sooner: true);
        if (_words.Budget == 0)
        {
            // By who makes the domain, for as long as it is there.
            _words.Budget = MemoryPlan.Budget(options.Memory, new DriveInfo(folder.Folder.DescriptorPath).TotalSize);
        }
    }

    /// <summary>Bytes that logs, journals and images may have together.</summary>
    public long Budget => _words.Budget;

    public long Used => _words.Used;

    public long Share => _words.Share;

    public string Folder => _folder.Run;

    /// <summary>After how many bytes taken the next snapshot of a process is early: a log may soon let go of what it read first.</summary>
    public long EarlyBytes => _options.Retention is { } retention ? Math.Min(retention, Share) / 2 : Share / 4;

    /// <summary>
    /// A process is about to join that asks for so much memory. Whoever makes the domain fixes it: while nodes are there it
    /// stays.
    /// </summary>
    /// <exception cref="RequestException">It is another number.</exception>
    public void Admit(long? asked)
    {
        var wanted = MemoryPlan.Budget(asked, new DriveInfo(_folder.Folder.DescriptorPath).TotalSize);
        if (wanted == Budget)
        {
            return;
        }
        if (!_registry.Members.Any(m => m.Entry.IsVisible && !m.Entry.IsHidden))
        {
            _words.Budget = wanted;
            return;
        }
        if (asked is not null)
        {
            throw new RequestException(
                $"{Settings.Memory.Name} is {asked} bytes here, but this domain's nodes share {Budget} bytes: give all of them the same "
                + "value, or only the first, or use another ROS_DOMAIN_ID");
        }
    }

    /// <summary>Bytes that the file system has free.</summary>
    public long Free() => new DriveInfo(_folder.Folder.DescriptorPath).AvailableFreeSpace;

    /// <summary>An image of so many bytes is written until this is disposed of: logs and journals do not grow into its room meanwhile.</summary>
    public IDisposable Expect(long bytes)
    {
        Interlocked.Add(ref _expected, bytes);
        // Until the next look, which begins to count anew.
        _words.Count(bytes);
        return new Expected(this, bytes);
    }

    /// <summary>Looks at once, and from now on.</summary>
    public void Start() => LookAgain();

    /// <summary>A look that is under way ends first: the table goes next. Where nobody is left no room is kept from others.</summary>
    public void Dispose()
    {
        using var ended = new ManualResetEvent(false);
        if (_timer.Dispose(ended))
        {
            ended.WaitOne();
        }
        if (!_registry.Members.Any(m => m.Entry.IsVisible))
        {
            SpareRoom.Remove(_folder.Folder);
        }
    }

    private void LookAgain()
    {
        var (begun, before) = (Clock.Steady, Used);
        try
        {
            Look();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody removes it, or sweeps.
        }
        catch (Exception e)
        {
            _log.Unexpected("looking at the memory", e);
        }
        _took = Clock.Steady - begun;
        // What was shared out a while ago is too much where many have joined since.
        var soon = Math.Abs(Used - before) > MemoryPlan.Reserve(Budget) / 4 || 100 * Used > s_warnAt[0] * Budget;
        LookIn(
            soon ? Math.Clamp(_took * PartOfTimeSoon, Soon * Clock.Millisecond, Interval * Clock.Millisecond)
                : Math.Max(_took * PartOfTime, Interval * Clock.Millisecond),
            sooner: false);
    }

    /// <param name="sooner">Not where the next look is sooner anyhow.</param>
    private void LookIn(long nanoseconds, bool sooner)
    {
        lock (_gate)
        {
            var at = Clock.Steady + Math.Min(nanoseconds, MostBetween);
            if (sooner && at >= _nextAt)
            {
                return;
            }
            try
            {
                _nextAt = at;
                _timer.Change(TimeSpan.FromTicks(Math.Max(0, at - Clock.Steady) / 100), Timeout.InfiniteTimeSpan);
            }
            catch (ObjectDisposedException)
            {
                // The master stops.
            }
        }
    }

    internal void Look()
    {
        FillSpareRoom();
        var grown = _words.Grown;
        var logs = Sizes(_folder.Logs.DescriptorPath);
        var journals = Sizes(_folder.Processes.DescriptorPath);
        var kept = logs.Concat(journals).ToList();
        var all = SizeOf(_folder.Folder.DescriptorPath);
        var room = Budget - (all - kept.Sum());
        var share = MemoryPlan.Share(room, kept);
        _words.Used = all;
        _words.Share = share;
        // What is written, or let go of, meanwhile may have been seen or not: the worse is taken for true.
        _words.MostGrown = Math.Min(grown, _words.Grown)
            + Math.Max(0, room - MemoryPlan.Reserve(room) - kept.Sum() - Interlocked.Read(ref _expected));
        _words.NeededSince = NeededSince(Clock.Real);
        if (kept.Sum() > room && kept.Any(x => x > share))
        {
            _words.AskToTrim();
            foreach (var member in _registry.Members.Where(m => m.Entry.State == ProcessState.Live))
            {
                _registry.Table.Notify(member.SlotIndex);
            }
        }
        Warn(all);
    }

    private void FillSpareRoom()
    {
        try
        {
            SpareRoom.Fill(_folder.Folder, MemoryPlan.Spare(Budget), Free());
        }
        catch (PosixException e) when (e.Errno == Posix.Enospc)
        {
            // Somebody has been faster.
        }
    }

    /// <summary>From when on frames may be read again by a process that is rolled back to a snapshot of it.</summary>
    private long NeededSince(long now)
    {
        var since = long.MaxValue;
        foreach (var member in _registry.Members)
        {
            if (member.Entry.IsVisible && member.OldestTaken != 0 && member.JournalEnd != member.LastPosition)
            {
                since = Math.Min(since, SnapshotTiming.NeededSince(member.Policy, member.LastFrozen, member.OldestTaken, now));
            }
        }
        return since;
    }

    /// <summary>Said when a mark is passed, and again only after it was well below.</summary>
    private void Warn(long used)
    {
        var percent = 100 * used / Math.Max(1, Budget);
        if (_warned < s_warnAt.Length && percent >= s_warnAt[_warned])
        {
            _warned = s_warnAt.Count(x => percent >= x);
            _log.MemoryScarce(percent, ByteSize.Show(used), ByteSize.Show(Budget), ByteSize.Show(Free()), ByteSize.Show(Share));
        }
        else if (_warned > 0 && percent < s_warnAt[_warned - 1] - 10)
        {
            _warned--;
        }
    }

    /// <summary>What whoever looks after the domain should know; empty: nothing.</summary>
    public string Note
    {
        get
        {
            var percent = 100 * Used / Math.Max(1, Budget);
            return percent >= s_warnAt[0]
                ? $"{percent} % of the domain's memory are in use: logs keep {ByteSize.Show(Share)} each, and older messages are "
                    + $"let go ({Settings.Memory.Name} sets how much it may have)"
                : "";
        }
    }

    // By paths that go through the folder's descriptor, for these are only sizes, and .NET reads a large tree faster.
    private static List<long> Sizes(string folder) => [.. new DirectoryInfo(folder).EnumerateDirectories().Select(x => SizeOf(x.FullName))];

    private static long SizeOf(string folder)
    {
        try
        {
            // The graph's blocks are allocated as they are needed: what is free tells the rest.
            return new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories)
                .Sum(x => x.Name == "graph" ? 0 : LengthOf(x));
        }
        catch (IOException)
        {
            // Swept meanwhile.
            return 0;
        }
    }

    private static long LengthOf(FileInfo file)
    {
        try
        {
            return file.Length;
        }
        catch (IOException)
        {
            // Busy logs let go of segments all the time: that one is gone is no reason to know nothing of the others.
            return 0;
        }
    }

    private sealed class Expected(MemoryWatch watch, long bytes) : IDisposable
    {
        public void Dispose() => Interlocked.Add(ref watch._expected, -bytes);
    }
}
