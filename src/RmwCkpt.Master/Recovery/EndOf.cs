using RmwCkpt.Master.Processes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Recovery;

/// <summary>
/// How a process ended, and whether somebody wanted it to: a pure function of these facts. What is no wanted end is a death,
/// from which it is brought back.
/// </summary>
/// <param name="Status">As of waitpid(2); null: not known.</param>
internal readonly record struct EndOf(int? Status)
{
    private const int CoreDumped = 0x80;

    /// <summary>The signal that ended it; 0: none, or not known.</summary>
    public int Signal => Status is { } s ? s & 0x7f : 0;

    /// <summary>Its exit status; null: a signal ended it, or not known.</summary>
    public int? ExitStatus => Status is { } s && Signal == 0 ? (s >> 8) & 0xff : null;

    /// <summary>Who asks a process to end and then waits no longer does so in this time: systemd in 90 s, launchers sooner.</summary>
    public static readonly TimeSpan Escalation = TimeSpan.FromSeconds(100);

    /// <summary>How long before SIGINT or SIGTERM last asked it to end; null: never.</summary>
    public TimeSpan? SinceAsked { get; init; }

    /// <summary>It was asked to end shortly before.</summary>
    public bool WasAsked => SinceAsked is { } since && since.Duration() < Escalation;

    /// <summary>Its launcher was killed, too, just before.</summary>
    public bool WasLauncherKilled { get; init; }

    /// <summary>`rmw_ckpt stop` has told it to end.</summary>
    public bool WasTold { get; init; }

    /// <summary>An incarnation that ends by itself sooner is not brought back; one that was brought back has failed.</summary>
    public static readonly TimeSpan ShortIncarnation = TimeSpan.FromSeconds(5);

    /// <summary>Its exit handlers ran, and it had not shut down before.</summary>
    public bool Exited { get; init; }

    /// <summary>It had taken down all its nodes before, as one does that means to end.</summary>
    public bool HasNothing { get; init; }

    /// <summary>For how long it had been live, be it since it was brought back.</summary>
    public TimeSpan LivedFor { get; init; }

    /// <summary>It had been brought back before.</summary>
    public bool IsRevived { get; init; }

    /// <summary>It is to be brought back from ends by signals only.</summary>
    public bool OnlySignals { get; init; }

    /// <summary>It ended by itself, and not well: an exception that nobody caught, exit(1). 128 + n says that a signal asked for it.</summary>
    public bool IsFailure => ExitStatus is { } status
        && status != 0 && status - 128 is not (Posix.SigHup or Posix.SigInt or Posix.SigTerm);

    /// <summary>It was brought back, and failed again at once.</summary>
    public bool FailedAgain => IsFailure && IsRevived && LivedFor < ShortIncarnation;

    /// <summary>It ended by itself, and is not to be brought back.</summary>
    private bool IsOver => ExitStatus is null ? Exited && Signal == 0
        : !IsFailure || OnlySignals || (Exited && (HasNothing || (!IsRevived && LivedFor < ShortIncarnation)));

    /// <summary>A signal that asks for it had come before or ended it, and not by `rmw_ckpt stop`, which means one node: Ctrl-C, kill, a closed terminal.</summary>
    public bool WasAskedBySignal => !WasTold && (WasAsked || Signal is Posix.SigHup or Posix.SigInt or Posix.SigTerm);

    /// <summary>It was told or asked to end, however it did, or killed with its launcher, or exited with success.</summary>
    public bool IsWanted => WasTold || WasAskedBySignal || (WasLauncherKilled && Signal == Posix.SigKill) || IsOver;

    /// <summary>Looks at a process that has ended: it is our child, nobody has collected it yet, or the kernel remembers.</summary>
    /// <param name="pidfd">Of it, or -1.</param>
    public static EndOf Look(int pid, int pidfd) => new(
        Posix.Reap(pid, out var status) ? status
        : ProcessProbe.ExitStatus(pid) ?? (pidfd >= 0 ? Posix.ExitStatus(pidfd) : null));

    public override string ToString() => How()
        + (WasTold ? ", told to" : WasAsked ? ", after it was asked to end" : WasLauncherKilled ? ", with its launcher" : "");

    private string How() =>
        Status is not { } status ? "how is not known"
        : Signal != 0 ? $"signal {Signal}{((status & CoreDumped) != 0 ? ", core dumped" : "")}"
        : $"exit status {ExitStatus}";
}
