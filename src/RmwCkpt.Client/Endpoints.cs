using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware;
using RmwCkpt.Middleware.Entities;

namespace RmwCkpt.Client;

/// <summary>What a context asks of a subscription of any type.</summary>
internal interface ISpun
{
    uint Id { get; }

    void TakeOne();
}

/// <summary>Publishes messages of one type. Thread-safe.</summary>
public sealed class Publisher<T>
    where T : IMessage<T>
{
    private readonly Endpoint _endpoint;

    internal Publisher(Endpoint endpoint) => _endpoint = endpoint;

    /// <summary>Subscriptions matched now.</summary>
    public int Matched => _endpoint.Session.IsReleased ? 0 : (int)_endpoint.Session.Query(_endpoint.Id, _endpoint.Matched);

    /// <summary>Serialises straight into the log and rings the readers.</summary>
    /// <exception cref="Failure">TooLarge; nothing was published.</exception>
    public void Publish(in T message)
    {
        ObjectDisposedException.ThrowIf(_endpoint.Session.IsReleased, this);
        var size = Cdr.HeadSize + message.Size;
        var payload = _endpoint.Outbox!.Begin(null, size);
        try
        {
            var bytes = payload.All;
            Cdr.WriteHead(bytes);
            message.Write(bytes[Cdr.HeadSize..]);
        }
        catch
        {
            _endpoint.Outbox.Abort();
            throw;
        }
        _endpoint.Outbox.End(size);
    }

    /// <summary>
    /// Lends a message's body of <paramref name="size"/> bytes, all zero, to be written where it will be read, by one thread at
    /// a time, until it is published. None is to be larger than the first of its publisher.
    /// </summary>
    /// <exception cref="Failure">NoSpace: there is no such memory.</exception>
    public Region Borrow(int size)
    {
        ObjectDisposedException.ThrowIf(_endpoint.Session.IsReleased, this);
        var payload = _endpoint.Outbox!.Borrow(Cdr.HeadSize + size);
        if (payload.IsEmpty)
        {
            throw new Failure(Code.NoSpace, $"no memory in the log of {_endpoint.Options.Topic} for {size} bytes to lend");
        }
        Cdr.WriteHead(payload.All);
        return payload.Slice(Cdr.HeadSize, size);
    }

    /// <summary>Publishes what <see cref="Borrow"/> lent.</summary>
    /// <exception cref="Failure">Invalid: it is not lent.</exception>
    public void PublishBorrowed(Region body)
    {
        ObjectDisposedException.ThrowIf(_endpoint.Session.IsReleased, this);
        if (!_endpoint.Outbox!.Publish(body.Address - Cdr.HeadSize, Cdr.HeadSize + body.Length))
        {
            throw new Failure(Code.Invalid, "no such message is lent");
        }
    }
}

/// <summary>Hears messages of one type.</summary>
public sealed class Subscription<T> : ISpun
    where T : IMessage<T>
{
    /// <summary>Of a publisher's malformed messages the first is said, and then each after so many.</summary>
    private const int SaidEach = 1000;

    private readonly Endpoint _endpoint;
    private readonly Action<T> _callback;
    private readonly Dictionary<Gid, long> _malformed = [];

    internal Subscription(Endpoint endpoint, Action<T> callback)
    {
        _endpoint = endpoint;
        _callback = callback;
    }

    uint ISpun.Id => _endpoint.Id;

    /// <summary>Publishers matched now.</summary>
    public int Matched => _endpoint.Session.IsReleased ? 0 : (int)_endpoint.Session.Query(_endpoint.Id, _endpoint.Matched);

    /// <summary>Takes the next message; false when there is none, or a malformed one, which is dropped and said.</summary>
    public bool TryTake(out T? message)
    {
        ObjectDisposedException.ThrowIf(_endpoint.Session.IsReleased, this);
        message = default;
        var lent = _endpoint.Inbox!.Begin();
        if (!lent.Taken)
        {
            return false;
        }
        var intact = false;
        string? trouble = null;
        try
        {
            message = T.Read(Cdr.Body(lent.Payload.All));
        }
        catch (InvalidDataException e)
        {
            trouble = e.Message;
        }
        finally
        {
            intact = _endpoint.Inbox.End();
        }
        if (intact && trouble is not null)
        {
            NoteMalformed(lent.Writer, trouble);
        }
        return intact && trouble is null;
    }

    private void NoteMalformed(Gid writer, string trouble)
    {
        long count;
        lock (_malformed)
        {
            count = _malformed[writer] = _malformed.GetValueOrDefault(writer) + 1;
        }
        if (count % SaidEach == 1)
        {
            Report.Error($"{_endpoint.Options.Topic}: a message of {writer} is dropped, for it is none of its type: {trouble} ({count} from there so far)");
        }
    }

    void ISpun.TakeOne()
    {
        if (TryTake(out var message))
        {
            _callback(message!);
        }
    }
}
