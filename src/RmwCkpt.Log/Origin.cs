namespace RmwCkpt.Log;

/// <summary>Whether a previous incarnation may have said a message already.</summary>
public enum Novelty
{
    /// <summary>No: there was none, or its thread is known to do something else. It is appended, whatever stands in the log.</summary>
    New,

    /// <summary>
    /// What it answers happened in this incarnation. Threads may be late, and do now what they did then: it is held back if the
    /// very same stands in the log.
    /// </summary>
    Late,

    /// <summary>
    /// The take or wake that it answers is a previous incarnation's, and its thread went on from there: all that it said then
    /// stands in the log. If none there is the same, one of that cause is it, else the first that is left: threads hand work
    /// around.
    /// </summary>
    Replayed,

    /// <summary>
    /// As Replayed, but it is the last that its thread did: it may have died before it said this. It is held back if it stands in
    /// the log, or another of that cause does.
    /// </summary>
    Interrupted,

    /// <summary>
    /// It answers nothing: a thread reads a device, or counts. It is held back if it stands in the log. Else it is appended:
    /// its thread does not do again what it did.
    /// </summary>
    Unprompted,

    /// <summary>
    /// As Unprompted, while other threads replay: if several threads said such messages in the log, they hand work around, and it
    /// is another one of theirs.
    /// </summary>
    UnpromptedInReplay,
}

/// <summary>
/// Where a message comes from.
/// </summary>
/// <param name="Cause">
/// Position in its process' journal, plus one, of the last take or wake of the thread that said it; 0: that had none.
/// </param>
/// <param name="Role">That thread's number in the journal, from 1; 0: unknown.</param>
/// <param name="Novelty">Not in the frame; how it is compared with what stands in the log.</param>
public readonly record struct Origin(long Cause, uint Role, Novelty Novelty)
{
    /// <summary>Whether a frame answers the same take or wake; of two that answer none, whether the same thread said them.</summary>
    internal bool IsOf(in PreviousFrame frame) => frame.Cause == Cause && (Cause != 0 || frame.Role == Role);
}
