using RmwCkpt.Domain.Protocol;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Engines;

/// <summary>Whether an engine can work here, and why or why not with the remedy.</summary>
public sealed record EngineCheck(bool Usable, string Why);

/// <summary>
/// How a dump went. <paramref name="Why"/>: why there is none; of one that is done, why it may be void all the same.
/// <paramref name="Retry"/>: the process was in the middle of a request; soon it will not be.
/// <paramref name="Harmed"/>: the engine was killed in the middle, and what the process is now is not known.
/// </summary>
public sealed record SnapshotResult(bool Done, bool Retry, bool Harmed, string Why, long FrozenNanoseconds)
{
    public static SnapshotResult Failed(string why, bool retry = false, bool harmed = false) => new(false, retry, harmed, why, 0);
}

/// <summary>Whose image is to be written, and where to.</summary>
/// <param name="Folder">Empty; the image's.</param>
public sealed record DumpOrder(int Pid, TrustedPath Folder, HeldStdio Stdio)
{
    /// <summary>The page by which snapshots by fork are ordered, if the process has one.</summary>
    public TrustedPath? Page { get; init; }
}

/// <summary>What a restore needs: whom, from where, with which standard descriptors.</summary>
public sealed record RestoreOrder(Process Process, TrustedPath? SnapshotFolder, HeldStdio Stdio)
{
    /// <summary>The process id that the snapshot was taken of; 0 without a snapshot.</summary>
    public int Pid { get; init; }

    /// <summary>The domain that the process is of.</summary>
    public required int Domain { get; init; }

    /// <summary>RUN: files below it may have been recycled since the dump.</summary>
    public required TrustedPath RunFolder { get; init; }

    /// <summary>A file that is locked as long as the restore is under way, be its master alive or not.</summary>
    public required TrustedPath LockFile { get; init; }

    /// <summary>Where the output of a descriptor goes that is not given back.</summary>
    public required Func<int, TrustedPath> OutputFile { get; init; }

    /// <summary>Told of a descriptor that could not be given back: number, what it was.</summary>
    public required Action<int, string> Lost { get; init; }

    /// <summary>Told of an attribute that could not be given back.</summary>
    public Action<string> LostAttribute { get; init; } = _ => { };

    /// <summary>As <see cref="DumpOrder.Page"/>.</summary>
    public TrustedPath? Page { get; init; }

    /// <summary>Who has claimed this incarnation, and lives; 0: nobody has.</summary>
    public Func<int> Claimant { get; init; } = () => 0;

    /// <summary>The next incarnation is another process of the domain: it has nothing to replay.</summary>
    public bool IsFresh { get; init; }
}

/// <summary>How a restore went. <paramref name="Again"/>: a second attempt may go better.</summary>
public sealed record RestoreResult(int Pid, string Why, bool Again = false)
{
    public bool Done => Pid > 0;

    public static RestoreResult Failed(string why, bool again = true) => new(0, why, again);
}

/// <summary>
/// Takes and restores process images. Knows processes, not ROS. Calls block; one at a time per process.
/// </summary>
public interface ISnapshotEngine
{
    string Name { get; }

    EngineCheck Check();

    /// <summary>A restored process has the id, and its threads those, that it had when its image was written.</summary>
    bool KeepsIds => true;

    /// <summary>Writes an image of a process; the process goes on.</summary>
    SnapshotResult Dump(DumpOrder order);

    /// <summary>Makes the process again, a child of the caller, with the process id that it had if <see cref="KeepsIds"/>.</summary>
    /// <exception cref="OperationCanceledException"><see cref="Stop"/> was called; what was begun goes on.</exception>
    RestoreResult Restore(RestoreOrder order);

    /// <summary>The master ends: calls under way return soon, and what they have begun goes on without it.</summary>
    void Stop()
    {
    }
}
