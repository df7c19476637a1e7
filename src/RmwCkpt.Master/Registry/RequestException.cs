namespace RmwCkpt.Master.Registry;

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
}
