using RmwCkpt.Memory;

namespace RmwCkpt.Log.Tests;

/// <summary>
/// How a process of some logs behaves: which log each of its messages goes to, how large they are, whether some are written
/// where they are read.
/// </summary>
internal sealed record Plan(int[] Schedule, int[] Sizes, long Retention, bool Aborts, bool Shortens, bool Lends)
{
    private readonly Dictionary<(int, long), byte[]> _payloads = [];

    public int Logs => Schedule.Max() + 1;

    public byte[] Payload(int log, long sequence)
    {
        if (!_payloads.TryGetValue((log, sequence), out var payload))
        {
            payload = Scratch.Payload((log * 1000) + sequence, Sizes[(int)((sequence + log) % Sizes.Length)]);
            _payloads.Add((log, sequence), payload);
        }
        return payload;
    }
}

/// <summary>
/// A process that follows a plan, dies and lives again, started again or restored from a snapshot that was taken of it.
/// </summary>
internal sealed class Incarnations : IDisposable
{
    /// <summary>Bytes of all that is lent: no message is longer.</summary>
    private const int LoanSize = 6000;

    private readonly Scratch _scratch = new();
    private readonly Plan _plan;
    private readonly Observer[] _observers;
    private readonly List<LogWriter> _writers = [];
    private readonly Func<bool> _looks;
    private (LogWriter[] Writers, int Step, Loan? Borrowed)? _snapshot;
    private uint _life;

    public Incarnations(Plan plan, Func<bool>? looks = null)
    {
        _plan = plan;
        _looks = looks ?? (() => true);
        _observers = [.. Enumerable.Range(0, plan.Logs).Select(
            log => new Observer(FolderOf(log), sequence => plan.Payload(log, sequence), plan.Retention < 1 << 20))];
    }

    public bool HasSnapshot => _snapshot is not null;

    private TrustedPath FolderOf(int log) => _scratch.At / $"log{log}";

    /// <summary>
    /// One incarnation, ended at a point or not. It is the snapshot's memory when <paramref name="restored"/>; a snapshot is taken
    /// of it before step <paramref name="snapshotAt"/>. As <see cref="StoppedException.Run"/>.
    /// </summary>
    public int Live(int stopAt, bool restored = false, int snapshotAt = -1)
    {
        _life++;
        var committed = Array.ConvertAll(_observers, o => o.Committed());
        return StoppedException.Run(() => Follow(restored, snapshotAt, committed), stopAt, Look);
    }

    private void Look()
    {
        if (_looks())
        {
            foreach (var observer in _observers)
            {
                observer.Look();
            }
        }
    }

    private void Follow(bool restored, int snapshotAt, long[] committed)
    {
        var (writers, step, borrowed) = restored ? _snapshot!.Value : (Open(), 0, null);
        _snapshot = restored ? null : _snapshot;
        var first = step;
        for (; step < _plan.Schedule.Length; step++)
        {
            if (step == snapshotAt)
            {
                StoppedException.Aside(() => TakeSnapshot(step));
            }
            var log = _plan.Schedule[step];
            var sequence = Array.FindAll(_plan.Schedule[..step], l => l == log).Length + 1;
            if (sequence < writers[log].NextSequence)
            {
                // No longer kept: a process started again cannot come to it.
                continue;
            }
            var result = Say(writers[log], log, sequence, step == first ? borrowed : null);
            if (restored && step == first)
            {
                // By a thread of its own, some time.
                Array.ForEach(writers, writer => writer.RenewLoans());
            }
            Assert.Equal((sequence <= committed[log] ? AppendResult.Found : AppendResult.Appended, sequence), result);
        }
    }

    /// <param name="borrowed">What its incarnation had borrowed for the message, and had written half of.</param>
    private (AppendResult Result, long Sequence) Say(LogWriter writer, int log, long sequence, Loan? borrowed = null)
    {
        var payload = _plan.Payload(log, sequence);
        if (IsLent(log, sequence))
        {
            return SayLent(writer, payload, sequence, borrowed);
        }
        if (_plan.Aborts && sequence % 3 == 0)
        {
            var given = writer.Reserve(payload.Length + 100);
            Fill(given.Payload, Scratch.Payload(-1, payload.Length + 100));
            writer.Abort(given);
        }
        var more = _plan.Shortens && sequence % 2 == 0 ? 200 : 0;
        var reservation = writer.Reserve(payload.Length + more);
        Fill(reservation.Payload, Scratch.Payload(-1, payload.Length + more));
        Fill(reservation.Payload, payload);
        return (writer.Commit(reservation, payload.Length, 0, _life, sequence * 10, Scratch.Replayed, out var given2), given2);
    }

    private bool IsLent(int log, long sequence) => _plan.Lends && (sequence + log) % 3 != 0;

    private (AppendResult Result, long Sequence) SayLent(LogWriter writer, byte[] payload, long sequence, Loan? borrowed)
    {
        if (_plan.Aborts && sequence % 3 == 0)
        {
            var given = writer.Borrow(LoanSize)!;
            Fill(given.Payload, Scratch.Payload(-1, LoanSize));
            writer.Return(given);
        }
        var loan = borrowed ?? writer.Borrow(LoanSize)!;
        if (borrowed is not null)
        {
            var half = payload.Length / 2;
            Assert.True(loan.Payload.Span(0, half).SequenceEqual(payload.AsSpan(0, half)), "what was written before the snapshot is gone");
            Fill(loan.Payload.Slice(half, LoanSize - half), payload.AsSpan(half));
        }
        else
        {
            Fill(loan.Payload, Scratch.Payload(-1, LoanSize));
            Fill(loan.Payload, payload);
        }
        return (writer.Commit(loan, payload.Length, 0, _life, sequence * 10, Scratch.Replayed, out var given2), given2);
    }

    /// <summary>Copies in two parts, with points between.</summary>
    private static void Fill(Region to, ReadOnlySpan<byte> payload)
    {
        if (payload.IsEmpty)
        {
            return;
        }
        var half = payload.Length / 2;
        payload[..half].CopyTo(to.All);
        to.Write(0, payload[0]);
        payload[half..].CopyTo(to.All[half..]);
        to.Write(payload.Length - 1, payload[^1]);
    }

    private LogWriter[] Open()
    {
        var writers = new LogWriter[_plan.Logs];
        for (var log = 0; log < writers.Length; log++)
        {
            writers[log] = LogWriter.Open(FolderOf(log), new FixedLimits(_plan.Retention), 0, m => m.Write(0, 1), 4096, 4096);
            _writers.Add(writers[log]);
        }
        return writers;
    }

    /// <summary>A second writer at the same places is what a restored image of the first one is.</summary>
    private void TakeSnapshot(int step)
    {
        var writers = Open();
        for (var earlier = 0; earlier < step; earlier++)
        {
            var log = _plan.Schedule[earlier];
            var sequence = Array.FindAll(_plan.Schedule[..earlier], l => l == log).Length + 1;
            if (sequence >= writers[log].NextSequence)
            {
                Say(writers[log], log, sequence);
            }
        }
        _snapshot = (writers, step, Half(writers, step));
    }

    /// <summary>
    /// The message that is to be said next, half written when the snapshot is taken. The incarnation that goes on has it too, in
    /// the same place, and may use that again when it has published it.
    /// </summary>
    private Loan? Half(LogWriter[] writers, int step)
    {
        var log = _plan.Schedule[step];
        var sequence = Array.FindAll(_plan.Schedule[..step], l => l == log).Length + 1;
        if (!IsLent(log, sequence) || sequence < writers[log].NextSequence)
        {
            return null;
        }
        var payload = _plan.Payload(log, sequence);
        var loan = writers[log].Borrow(LoanSize)!;
        loan.Payload.All.Fill(0xee);
        Fill(loan.Payload, payload.AsSpan(0, payload.Length / 2));
        writers[log].DetachLoans();
        loan.Change(LoanFile.Borrowed, 0);
        return loan;
    }

    /// <summary>After the last incarnation.</summary>
    public void Finish()
    {
        for (var log = 0; log < _observers.Length; log++)
        {
            _observers[log].Finish(Array.FindAll(_plan.Schedule, l => l == log).Length);
        }
    }

    public void Dispose()
    {
        foreach (var observer in _observers)
        {
            observer.Dispose();
        }
        foreach (var writer in _writers)
        {
            writer.Dispose();
        }
        _scratch.Dispose();
    }
}
