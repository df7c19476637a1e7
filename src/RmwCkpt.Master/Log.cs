using Microsoft.Extensions.Logging;

namespace RmwCkpt.Master;

/// <summary>Every line that the master logs. 1xx master, 2xx registry, 3xx deaths and recovery, 4xx snapshots, 5xx sweeping.</summary>
internal static partial class Log
{
    [LoggerMessage(100, LogLevel.Information, "master of domain {Domain}, process {Pid}, listens at {Socket} after {Listening:F1} ms, answers after {Ready:F1} ms")]
    public static partial void Listening(this ILogger log, int domain, int pid, string socket, double listening, double ready);

    [LoggerMessage(105, LogLevel.Warning, "{Process} (pid {Pid}) will not be brought back when it dies: {Why}")]
    public static partial void NotBroughtBack(this ILogger log, string process, int pid, string why);

    [LoggerMessage(106, LogLevel.Error, "out of descriptors ({Limit} are allowed): {Remedy}")]
    public static partial void OutOfDescriptors(this ILogger log, long limit, string remedy);

    [LoggerMessage(104, LogLevel.Information, "engine {Engine}: {Why}")]
    public static partial void Engine(this ILogger log, string engine, string why);

    [LoggerMessage(101, LogLevel.Information, "master stops: {Why}")]
    public static partial void Stopping(this ILogger log, string why);

    [LoggerMessage(107, LogLevel.Warning, "{Process} (pid {Pid}) is not known to the next master of the domain yet: if it ends before it is, nobody starts it anew")]
    public static partial void NotHandedOn(this ILogger log, string process, uint pid);

    [LoggerMessage(102, LogLevel.Warning, "{Complaint}")]
    public static partial void Complaint(this ILogger log, string complaint);

    [LoggerMessage(103, LogLevel.Error, "{Where} failed unexpectedly")]
    public static partial void Unexpected(this ILogger log, string where, Exception exception);

    [LoggerMessage(200, LogLevel.Information, "{Process} joined: pid {Pid}, slot {Slot}: {Command}")]
    public static partial void Joined(this ILogger log, string process, uint pid, uint slot, string command);

    [LoggerMessage(201, LogLevel.Information, "{Process} left")]
    public static partial void Exited(this ILogger log, string process);

    [LoggerMessage(202, LogLevel.Warning, "refused {Request} of pid {Pid}: {Why}")]
    public static partial void Refused(this ILogger log, string request, int pid, string why);

    [LoggerMessage(203, LogLevel.Warning, "dropped a connection of pid {Pid}: {Why}")]
    public static partial void Dropped(this ILogger log, int pid, string why);

    [LoggerMessage(204, LogLevel.Warning, "{Path} ends in a broken record at byte {Offset} of {Length}: cut there (its writer was killed)")]
    public static partial void JournalCut(this ILogger log, string path, long offset, long length);

    [LoggerMessage(205, LogLevel.Error, "{Path} is damaged at byte {Offset} of {Length}: records after it are lost; the file is kept as {Aside}")]
    public static partial void JournalDamaged(this ILogger log, string path, long offset, long length, string aside);

    [LoggerMessage(206, LogLevel.Warning, "{Count} processes of {Why} are forgotten: their logs are gone, so their snapshots cannot go on from where they were")]
    public static partial void Void(this ILogger log, int count, string why);

    [LoggerMessage(207, LogLevel.Information, "took over {Live} live processes with {Entities} nodes and endpoints; {Dead} died while there was no master")]
    public static partial void TookOver(this ILogger log, int live, int entities, int dead);

    [LoggerMessage(208, LogLevel.Debug, "{Process}: {Added} nodes and endpoints added, {Removed} removed; graph version {Version}")]
    public static partial void GraphChanged(this ILogger log, string process, int added, int removed, ulong version);

    [LoggerMessage(209, LogLevel.Error, "the registry's journal cannot be written: {Why}; all goes on without it, and it is written anew when there is room")]
    public static partial void JournalBehind(this ILogger log, string why);

    [LoggerMessage(210, LogLevel.Information, "the registry's journal has been written anew, and lacks nothing")]
    public static partial void JournalMended(this ILogger log);

    [LoggerMessage(211, LogLevel.Warning, "{Process} (pid {Pid}, slot {Slot}) lives, and the journal does not know it: kept, and asked what it is")]
    public static partial void Adopted(this ILogger log, string process, int pid, uint slot);

    [LoggerMessage(212, LogLevel.Information, "{Process} (pid {Pid}, slot {Slot}) has said hello again and is what it was")]
    public static partial void Rejoined(this ILogger log, string process, int pid, uint slot);

    [LoggerMessage(300, LogLevel.Warning, "{Process} died (pid {Pid}, {Status}) at journal cell {Cell}; incarnation {Incarnation}")]
    public static partial void Died(this ILogger log, string process, uint pid, string status, long cell, uint incarnation);

    [LoggerMessage(301, LogLevel.Information, "{Process} restored from snapshot {Number} by {Engine} in {Milliseconds:F1} ms: pid {Pid}, incarnation {Incarnation}")]
    public static partial void Restored(this ILogger log, string process, uint number, string engine, double milliseconds, int pid, uint incarnation);

    [LoggerMessage(302, LogLevel.Information, "{Process} started again by its command (pid {Pid}, incarnation {Incarnation}): {Why}")]
    public static partial void StartedAgain(this ILogger log, string process, int pid, uint incarnation, string why);

    [LoggerMessage(303, LogLevel.Information, "{Process} is live again: {Silence:F1} ms of silence, caught up after {CaughtUp:F1} ms")]
    public static partial void LiveAgain(this ILogger log, string process, double silence, double caughtUp);

    [LoggerMessage(304, LogLevel.Error, "{Process} stays down: {Why}")]
    public static partial void Failed(this ILogger log, string process, string why);

    [LoggerMessage(305, LogLevel.Warning, "{Process}: snapshot {Number} could not be restored: {Why}")]
    public static partial void RestoreFailed(this ILogger log, string process, uint number, string why);

    [LoggerMessage(306, LogLevel.Warning, "{Process}: descriptor {Fd} ({Target}) cannot be given back, it now writes to {Path}")]
    public static partial void StdioLost(this ILogger log, string process, int fd, string target, string path);

    [LoggerMessage(307, LogLevel.Warning, "{Process} is not live {Seconds} s after its restore (mode {Mode})")]
    public static partial void SlowRecovery(this ILogger log, string process, double seconds, string mode);

    [LoggerMessage(310, LogLevel.Information, "{Process} (pid {Pid}) died ({Status}); it is a tool (its nodes' names begin with an underscore) and not brought back")]
    public static partial void ToolDied(this ILogger log, string process, uint pid, string status);

    [LoggerMessage(309, LogLevel.Information, "{Process} (pid {Pid}) ended as somebody wanted ({Status}): that is no death")]
    public static partial void EndedOnRequest(this ILogger log, string process, uint pid, string status);

    [LoggerMessage(311, LogLevel.Information, "{Process} is back as pid {Pid}: its primary domain, {Domain}, has recovered it; incarnation {Incarnation} replays")]
    public static partial void Followed(this ILogger log, string process, int pid, int domain, uint incarnation);

    [LoggerMessage(312, LogLevel.Information, "{Process} is brought back, and pid {Pid}, started by the same command, stands in for it towards its launcher")]
    public static partial void Kept(this ILogger log, string process, uint pid);

    [LoggerMessage(313, LogLevel.Information, "{Process} was killed together with its launcher, process {Pid}: that is no death, and it does not come back")]
    public static partial void KilledWithLauncher(this ILogger log, string process, uint pid);

    [LoggerMessage(319, LogLevel.Information, "{Process} (pid {Pid}) is killed with all others, as was ordered, and stays down")]
    public static partial void Killed(this ILogger log, string process, uint pid);

    [LoggerMessage(316, LogLevel.Information, "{Process} is told to end: its launcher, process {Pid}, has ended, and its other nodes were asked to")]
    public static partial void EndsWithLauncher(this ILogger log, string process, uint pid);

    [LoggerMessage(320, LogLevel.Information, "{Process}: ended what was left of its tree: {Pids}")]
    public static partial void LeftEnded(this ILogger log, string process, string pids);

    [LoggerMessage(321, LogLevel.Warning, "{Process}: its new incarnation is without {What}")]
    public static partial void AttributeLost(this ILogger log, string process, string what);

    [LoggerMessage(323, LogLevel.Error, "{Process} cannot be brought back: its command is started anew, without what it knew, as process {Pid}: {Why}")]
    public static partial void StartedAnew(this ILogger log, string process, int pid, string why);

    [LoggerMessage(324, LogLevel.Warning, "{Process} is not brought back before its run folder can be trusted again: {Why}")]
    public static partial void Barred(this ILogger log, string process, string why);

    [LoggerMessage(322, LogLevel.Warning, "{Process} (pid {Pid}): {Why}")]
    public static partial void StartedFresh(this ILogger log, string process, uint pid, string why);

    [LoggerMessage(314, LogLevel.Information, "{Process} lives, and its launcher, process {Pid}, has seen it die: on_exit=Shutdown() there ends all others; what it starts in its place stands in for it; without that, Ctrl-C there, as long as it has other nodes, or rmw_ckpt stop ends it")]
    public static partial void LauncherSawItDie(this ILogger log, string process, uint pid);

    [LoggerMessage(330, LogLevel.Information, "{Process}: what it says to {Target} goes into {Path}, and from there to {Reader}")]
    public static partial void Relayed(this ILogger log, string process, string target, string path, string reader);

    [LoggerMessage(331, LogLevel.Warning, "{Process}: nobody reads {Target} any more: what it says is from now on in {To}")]
    public static partial void OutputUnread(this ILogger log, string process, string target, string to);

    [LoggerMessage(332, LogLevel.Warning, "{Process}: {Bytes} bytes of what it said were not passed on ({Reader} is slow): the newest are in {Path}.1")]
    public static partial void OutputLost(this ILogger log, string process, long bytes, string reader, string path);

    [LoggerMessage(333, LogLevel.Warning, "{Process}: what it says is not passed on: {Why}")]
    public static partial void NotRelayed(this ILogger log, string process, string why);

    [LoggerMessage(315, LogLevel.Information, "{Process} is ended: {File} has changed since it joined, and its command is started again")]
    public static partial void Superseded(this ILogger log, string process, string file);

    [LoggerMessage(400, LogLevel.Information, "{Process}: snapshot {Number} taken: frozen {Frozen:F1} ms, {Milliseconds:F1} ms in all, {Bytes} bytes, journal cell {Cell}")]
    public static partial void Taken(this ILogger log, string process, uint number, double frozen, double milliseconds, long bytes, long cell);

    [LoggerMessage(401, LogLevel.Warning, "{Process}: no snapshot: {Why}")]
    public static partial void NotTaken(this ILogger log, string process, string why);

    [LoggerMessage(402, LogLevel.Debug, "{Process}: snapshot {Number} is in {Folder} ({Milliseconds:F0} ms)")]
    public static partial void Stored(this ILogger log, string process, uint number, string folder, double milliseconds);

    [LoggerMessage(403, LogLevel.Warning, "{Process}: snapshot {Number} could not be stored: {Why}")]
    public static partial void NotStored(this ILogger log, string process, uint number, string why);

    [LoggerMessage(404, LogLevel.Warning, "snapshot {Folder} is not usable: {Why}")]
    public static partial void Unusable(this ILogger log, string folder, string why);

    [LoggerMessage(503, LogLevel.Warning, "{Percent} % of the domain's memory are in use: {Used} of {Budget}; the file system has {Free} free. Logs and journals keep {Share} each, and let go of older messages (RMW_CKPT_MEMORY sets how much there may be)")]
    public static partial void MemoryScarce(this ILogger log, long percent, string used, string budget, string free, string share);

    [LoggerMessage(504, LogLevel.Warning, "logs of writers that are gone took {Bytes}, a quarter of what the domain may have: {Count} of them are no longer kept")]
    public static partial void OrphanedLogsGivenUp(this ILogger log, string bytes, int count);

    [LoggerMessage(505, LogLevel.Debug, "collected process {Pid}, which had ended and was left to this master by its parent's end")]
    public static partial void Collected(this ILogger log, int pid);

    [LoggerMessage(500, LogLevel.Debug, "swept {Path}")]
    public static partial void Swept(this ILogger log, string path);

    [LoggerMessage(501, LogLevel.Warning, "could not sweep {Path}: {Why}")]
    public static partial void NotSwept(this ILogger log, string path, string why);

    [LoggerMessage(502, LogLevel.Warning, "the domain is crowded: what {Process}, which has left, had written is no longer kept")]
    public static partial void LogsGivenUp(this ILogger log, string process);
}
