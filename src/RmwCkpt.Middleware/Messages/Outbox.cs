using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Messages;

/// <summary>Which request a reply answers: the client's gid and the request's sequence in the client's log.</summary>
public readonly record struct RequestId(Gid Client, long Sequence)
{
    /// <summary>Bytes before a reply's CDR in its frame: gid, sequence.</summary>
    public const int Size = Gid.Size + 8;

    public static RequestId Read(Region payload) => new(Gid.Read(payload.Span(0, Gid.Size)), payload.ReadInt64(Gid.Size));

    public void Write(Region payload)
    {
        Client.Write(payload.Span(0, Gid.Size));
        payload.Write(Gid.Size, Sequence);
    }
}

/// <summary>
/// The writing side of an endpoint: its log. Begin takes the lock that End or Abort on the same thread gives back.
/// Thread-safe.
/// </summary>
public sealed partial class Outbox : IDisposable
{
    /// <summary>How long a request or reply waits for room, ns; not again, where that was in vain, for twice as long.</summary>
    private const long Patience = 1_000_000_000;

    /// <summary>Milliseconds after which it looks again: the kernel tells nobody that there is room.</summary>
    private const int Pause = 10;

    private readonly Session _session;
    private readonly LogWriter _writer;
    private readonly Deadline? _deadline;
    private readonly bool _isTimed;
    private readonly object _lock = new();
    private Reservation _reservation;

    /// <summary>Instead of the reservation, for a large message.</summary>
    private Loan? _copy;
    private readonly bool _waits;
    private long _waitedInVain = -2 * Patience;

    /// <summary>Of the message that there was no room for last, where its sender is told one: below those of all others.</summary>
    private long _lost;

    /// <summary>Its endpoint was destroyed, and its log is mapped no more: threads that follow the domain may still come.</summary>
    private bool _isOver;

    /// <summary>Somebody waits here, without the lock, for room or for a reader: who publishes is next after that.</summary>
    private bool _isAwaiting;

    /// <summary>Between Begin and End: instead of both, for a message that there is no room for.</summary>
    private bool _isDropped;
    private NativeBuffer? _dropped;
    private int _prefix;
    private uint _divergedIn;
    private long _time;

    /// <param name="waits">Whether a message that there is no room for waits: somebody may wait for each one, as for a reply.</param>
    public Outbox(Session session, LogWriter writer, in Qos qos, Deadline? deadline, bool waits)
    {
        _waits = waits;
        _isTimed = deadline is not null || qos is { Liveliness: Liveliness.ManualByTopic, Lease: < Qos.Infinite };
        _session = session;
        _writer = writer;
        _deadline = deadline;
    }

    /// <summary>Whether this incarnation has sent the message of this number. Free to read.</summary>
    public bool HasSaid(long sequence) => _writer.HasSaid(sequence);

    public LogHead Head => _writer.Head;

    /// <summary>Reserves <paramref name="size"/> bytes, which the caller fills.</summary>
    /// <exception cref="Failure">TooLarge, or Error, as where a reader that is to miss nothing reads nothing; nothing is held.</exception>
    public Region Begin(RequestId? answers, long size)
    {
        var prefix = answers is null ? 0 : RequestId.Size;
        if (size < 0 || size + prefix > Frame.MaxPayload)
        {
            throw new Failure(Code.TooLarge, $"a message of {size} bytes is larger than a log record can be ({Frame.MaxPayload})");
        }
        EnterToPublish();
        try
        {
            // Read before the claim: an incarnation restored between claim and commit then commits the same bytes again.
            _time = _session.ReplayJournal.Clock.Now;
            _prefix = prefix;
            if (_session.ReplayJournal.Origin.Novelty is Novelty.New or Novelty.Late)
            {
                _writer.PassPrevious();
            }
            // What may have to wait for a reader waits here, where nothing is written yet.
            _copy = prefix == 0 && !_writer.AwaitsReaders ? BorrowForCopy((int)size) : null;
            if (_copy is not null)
            {
                return Written(_copy.Payload.Slice(0, (int)size));
            }
            _reservation = Reserve((int)size + prefix);
            if (_reservation.InLog)
            {
                Written(_reservation.Payload);
            }
            answers?.Write(_reservation.Payload);
            return _reservation.Payload.Slice(prefix, (int)size);
        }
        catch (PosixException e) when (e.Errno == Posix.Enospc)
        {
            CountDropped(size, e.Message);
            _isDropped = true;
            return (_dropped ??= new NativeBuffer()).Ensure((int)size);
        }
        catch (Exception e) when (e is PosixException or ReaderBehindException)
        {
            Monitor.Exit(_lock);
            throw CannotPublish(size, e);
        }
        catch
        {
            Monitor.Exit(_lock);
            throw;
        }
    }

    /// <exception cref="PosixException">As the writer's.</exception>
    /// <exception cref="ReaderBehindException">As the writer's.</exception>
    private Reservation Reserve(int size)
    {
        var begun = 0L;
        var wait = default(ReaderWait);
        while (true)
        {
            try
            {
                return _writer.Reserve(size);
            }
            catch (PosixException e) when (e.Errno == Posix.Enospc && _waits && MayWait(ref begun))
            {
                Await(Pause);
            }
            catch (ReaderBehindException e) when (wait.MayGoOn(_session.Table, e.Process))
            {
                Await(ReaderWait.Pause);
            }
        }
    }

    /// <summary>Takes the lock, after those who came first and wait.</summary>
    /// <exception cref="Failure">The endpoint is destroyed: its memory is mapped no more. The lock is not held.</exception>
    private void EnterToPublish()
    {
        Monitor.Enter(_lock);
        while (_isAwaiting)
        {
            WaitForOthers(Timeout.Infinite);
        }
        if (_isOver)
        {
            Monitor.Exit(_lock);
            throw new Failure(Code.Error, "its publisher is destroyed");
        }
    }

    /// <summary>
    /// Waits for some ms without the lock: for whom the process' own threads do their work here it is free, a snapshot's above all.
    /// </summary>
    /// <exception cref="Failure">The endpoint is destroyed meanwhile.</exception>
    private void Await(int pause)
    {
        _isAwaiting = true;
        WaitForOthers(pause);
        _isAwaiting = false;
        Monitor.PulseAll(_lock);
        if (_isOver)
        {
            throw new Failure(Code.Error, "its publisher is destroyed while a message waits for a reader, or for room");
        }
    }

    /// <summary>The reader may be in this process, and need the program's own lock to read.</summary>
    private void WaitForOthers(int pause)
    {
        var held = HostLock.LetGo();
        Monitor.Wait(_lock, pause);
        HostLock.TakeBack(held, _lock);
    }

    private bool MayWait(ref long begun)
    {
        var now = Posix.Now(Posix.MonotonicClock);
        if (begun == 0 && now - _waitedInVain >= 2 * Patience)
        {
            begun = now;
        }
        if (begun != 0 && now - begun >= Patience)
        {
            _waitedInVain = now;
            return false;
        }
        return begun != 0;
    }

    /// <summary>
    /// There is no room for a message. That must not end a node which goes on under other middleware: the message goes
    /// nowhere, counted, and is said where it is the first. Who has asked with it waits in vain, as where a network loses it.
    /// </summary>
    private void CountDropped(long size, string why)
    {
        if (_session.Traffic.CountUnpublished() == 1)
        {
            Report.Error($"{EndpointHead.Node(Head)} cannot publish {size} bytes on {EndpointHead.Name(Head)}: {why}; "
                + "such messages go nowhere, and are counted (rmw_ckpt status)");
        }
    }

    /// <summary>For tests: as if the process died when half of it was written.</summary>
    private static Region Written(Region payload)
    {
        if (KillPoints.Enabled)
        {
            payload.Span(0, payload.Length / 2).Fill(0xcc);
            KillPoints.Hit(KillPoint.MidCopy);
            payload.All.Clear();
        }
        return payload;
    }

    /// <summary>Commits the first <paramref name="size"/> bytes and rings the readers.</summary>
    /// <returns>Its sequence; one below 0, that none had before: there was no room for it.</returns>
    /// <exception cref="Failure">Error: nothing was published.</exception>
    public long End(long size)
    {
        try
        {
            if (_isDropped)
            {
                _isDropped = false;
                return --_lost;
            }
            long sequence;
            // Asked again: this incarnation may have been restored since Begin.
            var origin = _session.ReplayJournal.Origin;
            var result = _copy is null
                ? _writer.Commit(_reservation, (int)size + _prefix, Flags, _session.Incarnation, _time, origin, out sequence, key: _prefix)
                : _writer.Commit(_copy, (int)size, Flags, _session.Incarnation, _time, origin, out sequence);
            Committed(result);
            return sequence;
        }
        catch (Exception e) when (_copy is not null)
        {
            _writer.Return(_copy);
            if (e is PosixException { Errno: Posix.Enospc })
            {
                CountDropped(size, e.Message);
                return --_lost;
            }
            throw new Failure(Code.Error, $"publish {size} bytes: {e.Message}", e);
        }
        finally
        {
            Monitor.Exit(_lock);
        }
    }

    private static Failure CannotPublish(long size, Exception e) => new(Code.Error, $"publish {size} bytes: {e.Message}", e);

    private byte Flags => _session.Traffic.IsRecovering ? Frame.Recovered : (byte)0;

    private void Committed(AppendResult result)
    {
        KillPoints.Hit(KillPoint.AfterCommit);
        _session.Traffic.CountPublish(result, Head, ref _divergedIn);
        _deadline?.Happened(_time);
        // Rung in replay too: the death may have come between the commit and the ring.
        RingReaders();
        RingWaiters();
        if (result == AppendResult.Otherwise)
        {
            _session.ReplayJournal.EndRole();
        }
        if (result is AppendResult.Found or AppendResult.Differs)
        {
            // Its reply may be there already, and counts from now on.
            _session.RingSelf();
            _session.ReplayJournal.CatchUp.SaidAgain(_writer.SaidAgainUntil);
        }
        else if (_session.ReplayJournal.Clock.IsBehind)
        {
            // Its process may do nothing else of which this one sees anything.
            _session.ReplayJournal.CatchUp.Pace();
        }
    }

    /// <summary>Who reads it looks again; nothing once its endpoint was destroyed.</summary>
    public void RingAgain()
    {
        lock (_lock)
        {
            if (!_isOver)
            {
                RingReaders();
            }
        }
    }

    private void RingReaders()
    {
        for (var reader = Head.NextReader(-1); reader >= 0; reader = Head.NextReader(reader))
        {
            _session.Table.Ring((uint)reader);
        }
    }

    /// <summary>Who waits here for an event that time causes sleeps until it is due: that has become later.</summary>
    private void RingWaiters()
    {
        if (_isTimed && _session.EntityTable.HasTimedEvents)
        {
            _session.RingSelf();
        }
    }

    /// <summary>The publisher is alive, without a message.</summary>
    public void Assert()
    {
        Head.Asserted = _session.ReplayJournal.Clock.Now;
        RingReaders();
        RingWaiters();
    }

    public void Abort()
    {
        if (_isDropped)
        {
            _isDropped = false;
        }
        else if (_copy is null)
        {
            _writer.Abort(_reservation);
        }
        else
        {
            _writer.Return(_copy);
        }
        Monitor.Exit(_lock);
    }

    /// <summary>Somebody has removed the log: what is mapped of it is made again.</summary>
    /// <exception cref="PosixException">ENOSPC and the like; it can be tried again.</exception>
    public void Remake()
    {
        lock (_lock)
        {
            if (!_isOver)
            {
                _writer.Remake();
            }
        }
    }

    /// <summary>Whether this thread has begun and not ended.</summary>
    public bool IsHeld => Monitor.IsEntered(_lock);

    /// <summary>Keeps no more than the log's share of the domain's memory.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            if (!_isOver)
            {
                _writer.Trim();
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isOver = true;
            _dropped?.Dispose();
            _session.Process.Lenders.Remove(this);
            _lends = false;
            _loans.Clear();
            _writer.Dispose();
        }
    }
}
