namespace RmwCkpt.Middleware;

/// <summary>The CKPT_* codes of ckpt.h.</summary>
public enum Code
{
    Ok = 0,
    Error = 1,
    Invalid = 2,
    Timeout = 3,
    NoSpace = 4,
    TooLarge = 5,
    NoMaster = 6,
    Unsupported = 8,
    Lost = 9,
}

/// <summary>A failure with the code that C callers get and a message that says what, where and what to do.</summary>
public sealed class Failure(Code code, string message, Exception? inner = null) : Exception(message, inner)
{
    public Code Code { get; } = code;
}
