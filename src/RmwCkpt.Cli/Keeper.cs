using System.Runtime.InteropServices;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Processes;

namespace RmwCkpt.Cli;

/// <summary>
/// Stands in for a node that the master has brought back, towards the one that started it: lives as long as it, passes on
/// signals to it, ends as it ends. Signals come on threads of the runtime's.
/// </summary>
internal sealed class Keeper(RunFolder folder, ulong process)
{
    private const int Failed = 1;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_longPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_answer = TimeSpan.FromSeconds(5);

    /// <summary>How long the master has to note how a process ended whose end this keeper has seen.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    /// <summary>Signals that ask to end.</summary>
    private static readonly int[] s_ends = [Posix.SigHup, Posix.SigInt, 3, Posix.SigTerm];

    private readonly MasterStarter _masters = new() { Program = Environment.ProcessPath };
    private readonly object _gate = new();
    private readonly List<int> _waiting = [];
    private int _pidfd = -1;
    private uint _slot;

    /// <summary>It was killed with all others, and this process waits for `rmw_ckpt restart`: signals mean this one then.</summary>
    private bool _isKilled;
    private int _endedBy;

    /// <summary>Runs as long as the node is there or comes back.</summary>
    /// <returns>The exit status that the node had; by the signal that it was ended by it does not return.</returns>
    public int Run()
    {
        // Whether it ignores a signal is the node's affair. (What is ignored the runtime would leave so.)
        Posix.PassedOn.ToList().ForEach(Posix.Restore);
        var registrations = Posix.PassedOn.Select(x => PosixSignalRegistration.Create((PosixSignal)x, c => Pass(c, x))).ToList();
        Posix.UnblockSignals(Posix.PassedOn);
        var (isKnown, hasAttended) = (false, false);
        for (var waited = TimeSpan.Zero; ;)
        {
            var kept = Ask();
            // What it has seen killed it ends like: the next start of its command waits.
            lock (_gate)
            {
                _isKilled = kept.Killed && !hasAttended && (ProcessState)kept.State == ProcessState.Failed;
                if (!_isKilled && _endedBy != 0 && (ProcessState)kept.State != ProcessState.Failed)
                {
                    // It has just been restarted: the signal is for it.
                    _waiting.Add(_endedBy);
                    _endedBy = 0;
                }
            }
            if (!isKnown && _isKilled)
            {
                isKnown = true;
                Console.Error.WriteLine($"rmw_ckpt: {kept.Name} was killed (rmw_ckpt kill): this process waits for `rmw_ckpt restart`, "
                    + "and stands in for it then, passes on signals, and ends as it ends (for a fresh one: rmw_ckpt forget, and start again)");
            }
            else if (!isKnown && kept.Name.Length > 0)
            {
                isKnown = true;
                Console.Error.WriteLine($"rmw_ckpt: {kept.Name} has died before and is brought back as it was: this process "
                    + "stands in for it, passes on signals, and ends as it ends (for a fresh one: rmw_ckpt stop, and start again)");
            }
            _slot = kept.Slot;
            if (Attend(kept))
            {
                (waited, hasAttended) = (TimeSpan.Zero, true);
                continue;
            }
            switch ((ProcessState)kept.State)
            {
                case ProcessState.Failed when _endedBy != 0:
                    return EndLike(_endedBy);
                case ProcessState.Failed when _isKilled:
                    Thread.Sleep(s_longPause);
                    break;
                case ProcessState.Failed when kept.Killed:
                    return EndLike(Posix.SigKill);
                case ProcessState.Failed:
                    Console.Error.WriteLine($"rmw_ckpt: {kept.Name} is not brought back: {kept.Note}");
                    GC.KeepAlive(registrations);
                    return Failed;
                case ProcessState.Free:
                case ProcessState.Exited when kept.HasStatus || waited > s_patience:
                    return EndLike(kept.Status);
                default:
                    Thread.Sleep(s_pause);
                    waited += s_pause;
                    break;
            }
        }
    }

    /// <summary>Waits for the end of a process; false: it has ended already.</summary>
    private bool Attend(KeptProcess kept)
    {
        var pidfd = Posix.OpenPidfd((int)kept.Pid);
        if (pidfd < 0)
        {
            return false;
        }
        try
        {
            if (!IsStartedAt((int)kept.Pid, kept.StartTime))
            {
                return false;
            }
            lock (_gate)
            {
                _pidfd = pidfd;
                _waiting.ForEach(x => Posix.KillByPidfd(pidfd, x));
                _waiting.Clear();
            }
            Posix.Poll([pidfd], new bool[1], -1);
            return true;
        }
        finally
        {
            lock (_gate)
            {
                _pidfd = -1;
            }
            Posix.Close(pidfd);
        }
    }

    private static bool IsStartedAt(int pid, ulong start) =>
        new ProcessProbe().StartTime(pid) is { } now && ProcessProbe.IsSameStart(now, start);

    /// <summary>Passes a signal on; to one that does not live yet, when it does.</summary>
    private void Pass(PosixSignalContext context, int signal)
    {
        context.Cancel = true;
        lock (_gate)
        {
            if (_isKilled)
            {
                _endedBy = s_ends.Contains(signal) ? signal : _endedBy;
                return;
            }
        }
        if (signal is Posix.SigInt or Posix.SigTerm)
        {
            NoteAsked();
        }
        lock (_gate)
        {
            if (_pidfd >= 0)
            {
                Posix.KillByPidfd(_pidfd, signal);
            }
            else
            {
                _waiting.Add(signal);
            }
        }
    }

    /// <summary>Whatever ends the node soon after was wanted.</summary>
    private void NoteAsked()
    {
        try
        {
            using var table = ProcessTable.Open(folder, make: false);
            var slot = table.Slot(_slot);
            if (slot.AcquireUInt64(ProcessTable.ProcessId) == process)
            {
                slot.Release(ProcessTable.AskedAt, Posix.Now(Posix.RealtimeClock));
            }
        }
        catch (IOException)
        {
            // The signal itself says it to the node.
        }
    }

    private KeptProcess Ask()
    {
        var registry = new RegistryClient(folder);
        var request = new Request { Kept = new KeptQuery { Process = process } };
        return _masters.CallOrStart(folder, registry, request, s_answer).Kept;
    }

    private static int EndLike(int status)
    {
        if ((status & 0x7f) is not 0 and var signal)
        {
            Posix.EndBy(signal);
        }
        return (status >> 8) & 0xff;
    }
}
