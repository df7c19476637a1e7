namespace RmwCkpt.Master.Server;

/// <summary>A request that cannot be done; the message is the reply's error.</summary>
public sealed class RequestException : Exception
{
    public RequestException()
    {
    }

    public RequestException(string message)
        : base(message)
    {
    }

    public RequestException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>The registry does not know the process that asks: it is to say hello again, with all that it has.</summary>
    public bool IsNotKnown { get; init; }

    public static RequestException NotKnown(ulong process) =>
        new($"process {process:x16} is not known: it must say hello first") { IsNotKnown = true };
}
