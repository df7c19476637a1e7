using System.Globalization;
using Microsoft.Extensions.Logging;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Registry;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Streams;

/// <summary>
/// Passes on what recovered processes write into their files (<see cref="StandardOutputs"/>), for as long as they live: to
/// whom it went before, while that is read; then to their launcher's console, if the launcher read it; else it is left in
/// the files. The files stay when the master is killed, and so do the pipes, which a tail(1) for each process holds open: the
/// next master goes on. Thread-safe.
/// </summary>
internal sealed class StreamRelay : IDisposable
{
    private const int LookEvery = 250; // ms; for processes that have ended, and for readers that are gone
    private const int FullPatience = 20; // ms

    /// <summary>Writes that come one after the other are seen to together.</summary>
    private const int Together = 5; // ms

    private static readonly string? s_tail = new[] { "/usr/bin/tail", "/bin/tail" }.FirstOrDefault(File.Exists);

    private readonly RunFolder _folder;
    private readonly ProcessRegistry _registry;
    private readonly ILogger _log;
    private readonly object _gate = new();
    private readonly Dictionary<ulong, Followed> _followed = [];
    private readonly int _watch = Posix.MakeFileWatch();
    private readonly int _waker = Posix.MakeWaker();
    private readonly Thread _thread;
    private volatile bool _stopping;

    public StreamRelay(RunFolder folder, ProcessRegistry registry, ILogger log)
    {
        (_folder, _registry, _log) = (folder, registry, log);
        _thread = new Thread(Run) { Name = "streams", IsBackground = true };
        _thread.Start();
    }

    /// <summary>A recovered process runs, or one that was recovered under another master: follows the files that it writes to.</summary>
    public void Follow(Member member)
    {
        var record = member.Entry.Record;
        var numbers = StandardOutputs.Numbers.Where(n => Links(record, n)).ToList();
        if (numbers.Count == 0)
        {
            return;
        }
        try
        {
            lock (_gate)
            {
                if (_stopping)
                {
                    return;
                }
                var followed = _followed.GetValueOrDefault(member.Id)
                    ?? new Followed(member, StreamState.Open(StandardOutputs.State(_folder, record)));
                _followed[member.Id] = followed;
                numbers.ForEach(n => Add(followed, n));
                Hold(followed);
                Posix.Wake(_waker);
            }
        }
        catch (IOException e)
        {
            _log.NotRelayed(member.ToString(), e.Message);
        }
    }

    /// <summary>The files that have what a process says and nobody else gets; none: it is passed on, or goes where it always went.</summary>
    public IReadOnlyList<string> Unread(Member member)
    {
        lock (_gate)
        {
            return _followed.TryGetValue(member.Id, out var followed)
                ? [.. followed.Outputs.Where(x => x.Sink is null or { IsAlive: false }).Select(x => x.Path)]
                : [];
        }
    }

    /// <summary>Passes on what there is, and stops; the next master goes on.</summary>
    public void Dispose()
    {
        _stopping = true;
        Posix.Wake(_waker);
        _thread.Join();
        lock (_gate)
        {
            foreach (var followed in _followed.Values)
            {
                followed.Dispose();
            }
            _followed.Clear();
        }
        Posix.Close(_watch);
        Posix.Close(_waker);
    }

    private void Run()
    {
        while (true)
        {
            var isFull = false;
            var any = false;
            var stopping = _stopping;
            lock (_gate)
            {
                foreach (var followed in _followed.Values.ToList())
                {
                    // In this order: what it wrote at last is passed on.
                    var ended = HasEnded(followed.Member);
                    isFull |= Pump(followed);
                    if (ended)
                    {
                        End(followed);
                    }
                }
                any = _followed.Count > 0;
            }
            if (stopping)
            {
                return;
            }
            Posix.Poll([_watch, _waker], new bool[2], isFull ? FullPatience : any ? LookEvery : -1);
            Posix.ClearWaker(_waker);
            if (any && !_stopping)
            {
                Thread.Sleep(Together);
            }
            Posix.ClearFileWatch(_watch);
        }
    }

    private bool Pump(Followed followed)
    {
        try
        {
            return followed.Outputs.Select(x => x.Pump()).ToList().Contains(true);
        }
        catch (Exception e)
        {
            // Whatever it is: this thread serves all.
            _log.NotRelayed(followed.Member.ToString(), e.Message);
            return false;
        }
    }

    /// <summary>It will not be back. Its readers see the end.</summary>
    private void End(Followed followed)
    {
        if (HolderOf(followed.State.View) is { } holder)
        {
            Posix.Kill(holder, Posix.SigKill);
            Posix.Reap(holder, out _);
        }
        _followed.Remove(followed.Member.Id);
        followed.Dispose();
    }

    private bool HasEnded(Member member) =>
        member.Entry.State is ProcessState.Exited or ProcessState.Failed && !_registry.IsAlive(member);

    private bool Links(Process record, int number) =>
        StandardOutputs.File(_folder, record, number).Facts is { } file
        && file.Id == Posix.Identity(string.Create(CultureInfo.InvariantCulture, $"/proc/{record.Pid}/fd/{number}"));

    private void Add(Followed followed, int number)
    {
        var member = followed.Member;
        var path = StandardOutputs.File(_folder, member.Entry.Record, number);
        if (followed.Outputs.Any(x => x.Path == path.FullName))
        {
            return;
        }
        var file = new OutputFile(path, followed.State.View, number == 2 ? StreamState.Errors : StreamState.Output);
        var console = () => ConsoleOf(member);
        var output = new RelayedOutput(member, file, Former(followed, number) ?? console(), console, _log);
        followed.Outputs.Add(output);
        _log.Relayed(member.ToString(), StandardOutputs.Target(member.Entry.Record, number), path.FullName, output.Sink?.Name ?? "nobody");
        if (!Posix.WatchFile(_watch, path.DescriptorPath))
        {
            _log.NotRelayed(member.ToString(), $"{path} cannot be watched (inotify): it is looked at each {LookEvery} ms");
        }
    }

    /// <summary>Where a descriptor led before: held by this master, or kept for it.</summary>
    private static OutputSink? Former(Followed followed, int number)
    {
        if (followed.Member.Stdio.Descriptors.FirstOrDefault(x => x.Number == number) is { Descriptor: >= 0 } held
            && OutputSink.Of(Posix.ProcessId, held.Descriptor) is { } own)
        {
            return own;
        }
        return HolderOf(followed.State.View) is { } holder ? OutputSink.Of(holder, number) : null;
    }

    private OutputSink? ConsoleOf(Member member)
    {
        var record = member.Entry.Record;
        return record.Launcher != 0 && _registry.StartTime((int)record.Launcher) == record.LauncherStart
            ? OutputSink.ConsoleOf((int)record.Launcher, member.ToString())
            : null;
    }

    /// <summary>Sees to it that the pipes of a process stay open while there is no master: their readers see no end.</summary>
    private void Hold(Followed followed)
    {
        var pipes = followed.Outputs.Where(x => x.Sink is { IsConsole: false }).ToList();
        var pid = string.Create(CultureInfo.InvariantCulture, $"--pid={followed.Member.Entry.Record.Pid}");
        var view = followed.State.View;
        if (pipes.Count == 0 || s_tail is null
            || (HolderOf(view) is { } old && CommandOf(old).Contains(pid, StringComparison.Ordinal)))
        {
            return;
        }
        var nothing = Posix.Open("/dev/null", Posix.ReadWrite | Posix.CloseOnExec, 0);
        try
        {
            var descriptors = new List<(int, int)> { (nothing, 0) };
            foreach (var number in StandardOutputs.Numbers)
            {
                var path = StandardOutputs.File(_folder, followed.Member.Entry.Record, number).FullName;
                descriptors.Add((pipes.Find(x => x.Path == path)?.Sink!.Descriptor ?? nothing, number));
            }
            // It ends with the process.
            var holder = Posix.Spawn(s_tail, ["tail", "-f", "/dev/null", pid], ["PATH=/usr/bin:/bin"], "/", descriptors, newSession: true);
            view.Write(StreamState.HolderStart, _registry.StartTime(holder) ?? 0);
            view.Release(StreamState.Holder, (uint)holder);
        }
        finally
        {
            Posix.Close(nothing);
        }
    }

    private static int? HolderOf(Region state) =>
        state.AcquireUInt32(StreamState.Holder) is not 0 and var pid
        && new ProcessProbe().StartTime((int)pid) is { } start && start == state.ReadUInt64(StreamState.HolderStart)
            ? (int)pid
            : null;

    private static string CommandOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private sealed class Followed(Member member, Mapping state) : IDisposable
    {
        public Member Member { get; } = member;

        public Mapping State { get; } = state;

        public List<RelayedOutput> Outputs { get; } = [];

        public void Dispose()
        {
            Outputs.ForEach(x => x.Dispose());
            State.Dispose();
        }
    }
}
