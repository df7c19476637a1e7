using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>A slot of a <see cref="LoanFile"/>, which the writer lends.</summary>
public sealed class Loan
{
    private readonly Mapping _file;
    private readonly int _freeFrom;
    private readonly int _start;
    private readonly int _slotSize;

    internal Loan(Mapping file, int number, int slot, int slotSize, int payload)
    {
        _file = file;
        _freeFrom = LoanFile.FreeFrom + (slot * 8);
        _start = LoanFile.HeadSize + (slot * slotSize);
        _slotSize = slotSize;
        FileNumber = number;
        Payload = file.View.Slice(Offset, payload);
    }

    /// <summary>Of the size that was asked for at least.</summary>
    public Region Payload { get; }

    /// <summary>Whether it is this process' own (<see cref="Detach"/>), and copied when it is published.</summary>
    public bool IsDetached { get; private set; }

    internal int FileNumber { get; }

    /// <summary>Of the payload in the file.</summary>
    internal int Offset => _start + LoanFile.Lead;

    internal long FreeFrom => _file.View.AcquireInt64(_freeFrom);

    /// <summary>Changes <see cref="FreeFrom"/>; false: it was changed before.</summary>
    internal bool Change(long from, long to) => _file.View.CompareExchange(_freeFrom, from, to);

    /// <summary>Until it is published or returned it is this process' own, and in an image of it.</summary>
    /// <exception cref="PosixException">As <see cref="Mapping.Detach"/>'s.</exception>
    public void Detach()
    {
        if (!IsDetached)
        {
            _file.Detach(_start, _slotSize);
            IsDetached = true;
        }
    }

    internal void Attach()
    {
        if (IsDetached)
        {
            _file.Attach(_start, _slotSize);
            IsDetached = false;
        }
    }
}

/// <summary>
/// The messages that a log's writer has lent and will lend. What is lent is written in a file that others map. As it is
/// also the state of the process, it is detached from the file before an image of the process is taken: a life that is
/// rolled back has it as it was, and writes to nothing that others read.
/// Thread-safety: one caller at a time.
/// </summary>
internal sealed class LoanPool : IDisposable
{
    private readonly string _folder;
    private readonly LogHead _head;
    private readonly int _payload;
    private readonly int _slotSize;
    private readonly int _maxSlots;
    private readonly List<Mapping> _files = [];

    /// <summary>All, in the order in which they are lent, round and round.</summary>
    private readonly List<Loan> _loans = [];
    private readonly HashSet<Loan> _borrowed = [];
    private int _next;

    /// <param name="payload">Bytes that each message may have.</param>
    /// <param name="slotSize"><see cref="LoanFile.SlotSizeFor"/> it.</param>
    /// <param name="maxSlots">How many slots a file may have at most.</param>
    public LoanPool(string folder, LogHead head, int payload, int slotSize, int maxSlots)
    {
        _folder = folder;
        _head = head;
        _payload = payload;
        _slotSize = slotSize;
        _maxSlots = maxSlots;
        Renew();
    }

    public int PayloadSize => _payload;

    /// <summary>Lends one, with whatever is in it.</summary>
    /// <exception cref="PosixException">There had to be more, and the file system is full; nothing is changed.</exception>
    public Loan Borrow()
    {
        while (true)
        {
            // Mostly the first one: what was published first is let go of first.
            for (var i = 0; i < _loans.Count; i++)
            {
                var at = (_next + i) % _loans.Count;
                if (TryBorrow(_loans[at]))
                {
                    _next = (at + 1) % _loans.Count;
                    return _loans[at];
                }
            }
            Grow();
        }
    }

    private bool TryBorrow(Loan loan)
    {
        var free = loan.FreeFrom;
        return IsFree(free) && !_borrowed.Contains(loan) && loan.Change(free, LoanFile.Borrowed) && _borrowed.Add(loan);
    }

    /// <summary>Takes one back. What another life has made of its slot meanwhile stays.</summary>
    public void Return(Loan loan)
    {
        loan.Attach();
        _borrowed.Remove(loan);
        loan.Change(LoanFile.Borrowed, 0);
    }

    /// <summary>A segment is about to refer to it.</summary>
    public void Publish(Loan loan, long segment)
    {
        _borrowed.Remove(loan);
        loan.Change(LoanFile.Borrowed, segment + 1);
    }

    public void Detach()
    {
        foreach (var loan in _borrowed)
        {
            loan.Detach();
        }
    }

    /// <summary>In a new life: takes in what the former one made, and takes back what it had lent.</summary>
    public void Renew()
    {
        while (LoanFile.Open(_folder, _files.Count, writable: true) is { } file)
        {
            Add(file);
        }
        foreach (var loan in _loans)
        {
            if (!_borrowed.Contains(loan))
            {
                loan.Change(LoanFile.Borrowed, 0);
            }
        }
    }

    private bool IsFree(long from)
    {
        if (from > _head.FirstSegment)
        {
            return false;
        }
        // A reader says that it holds the segment before it looks whether that is still there.
        Interlocked.MemoryBarrier();
        return from == 0 || !_head.IsHeld(from - 1);
    }

    /// <summary>One more file, of twice as many slots as the one before.</summary>
    private void Grow() =>
        Add(LoanFile.Make(_folder, _files.Count, _slotSize, Math.Min(_maxSlots, 1 << Math.Min(_files.Count, 10))));

    private void Add(Mapping file)
    {
        if (file.View.ReadInt32(LoanFile.SlotSize) != _slotSize)
        {
            var path = file.Path;
            file.Dispose();
            throw new InvalidDataException($"{path} holds messages of another size than this writer's");
        }
        var slots = file.View.ReadInt32(LoanFile.Slots);
        for (var slot = 0; slot < slots; slot++)
        {
            _loans.Insert(_next + slot, new Loan(file, _files.Count, slot, _slotSize, _payload));
        }
        _files.Add(file);
    }

    public void Dispose()
    {
        foreach (var file in _files)
        {
            file.Dispose();
        }
        _files.Clear();
        _loans.Clear();
        _borrowed.Clear();
    }
}
