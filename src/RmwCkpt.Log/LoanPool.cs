using System.Runtime.CompilerServices;
using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>A slot of a <see cref="LoanFile"/>, which the writer lends.</summary>
public sealed class Loan
{
    private readonly Mapping _file;
    private readonly StrongBox<int> _detached;
    private readonly int _freeFrom;
    private readonly int _start;
    private readonly int _slotSize;

    /// <param name="detached">How many of the file's are.</param>
    internal Loan(Mapping file, StrongBox<int> detached, int number, int slot, int slotSize)
    {
        _file = file;
        _detached = detached;
        _freeFrom = LoanFile.FreeFrom + (slot * 8);
        _start = LoanFile.HeadSize + (slot * slotSize);
        _slotSize = slotSize;
        FileNumber = number;
        Payload = file.View.Slice(Offset, slotSize - LoanFile.Lead);
    }

    /// <summary>All of the slot: of the size that was asked for at least.</summary>
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
            _detached.Value++;
        }
    }

    /// <summary>The file is another one from now on, and what is lent is not part of it.</summary>
    internal void Leave()
    {
        _detached.Value += IsDetached ? 0 : 1;
        IsDetached = true;
    }

    /// <summary>Offset and length in the file.</summary>
    internal (int, int) Part => (_start, _slotSize);

    internal void Attach()
    {
        if (IsDetached)
        {
            if (_detached.Value > 1)
            {
                _file.Attach(_start, _slotSize);
            }
            else
            {
                // All of it, or the kernel goes on to see as many mappings as there were parts.
                _file.Attach(0, _file.View.Length);
            }
            IsDetached = false;
            _detached.Value--;
        }
    }
}

/// <summary>
/// The messages that a log's writer has lent and will lend. What is lent is written in a file that others map. As it is
/// also the state of the process, it is detached from the file before an image of the process is taken: an incarnation that is
/// rolled back has it as it was, and writes to nothing that others read.
/// Thread-safety: one caller at a time.
/// </summary>
internal sealed class LoanPool : IDisposable
{
    private readonly TrustedPath _folder;
    private readonly LogHead _head;
    private readonly int _maxSlots;
    private readonly List<Mapping> _files = [];

    /// <summary>All, in the order in which they are lent, round and round.</summary>
    private readonly List<Loan> _loans = [];
    private readonly HashSet<Loan> _borrowed = [];
    private int _next;

    /// <param name="slotSize">Bytes of each slot; not, where a previous incarnation has made some of another size.</param>
    /// <param name="fileSize">Bytes of slots in a file, at most, unless one alone has more.</param>
    /// <exception cref="InvalidDataException">What is there is damaged.</exception>
    public LoanPool(TrustedPath folder, LogHead head, int slotSize, int fileSize)
    {
        _folder = folder;
        _head = head;
        using (var first = LoanFile.Open(folder, 0, writable: false))
        {
            SlotSize = first?.View.ReadInt32(LoanFile.SlotSize) ?? slotSize;
        }
        _maxSlots = Math.Clamp(fileSize / SlotSize, 1, LoanFile.MaxSlots);
        try
        {
            Renew();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public int SlotSize { get; }

    /// <summary>Bytes that a message may have.</summary>
    public int PayloadSize => SlotSize - LoanFile.Lead;

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

    /// <summary>
    /// Whether a slot that was borrowed just now is this incarnation's. Not, where the snapshot fell between the two and the
    /// incarnation that went on has given it back: then it is forgotten here.
    /// </summary>
    public bool Keep(Loan loan) => loan.FreeFrom == LoanFile.Borrowed || !_borrowed.Remove(loan);

    /// <summary>Takes one back. What another incarnation has made of its slot meanwhile stays.</summary>
    public void Return(Loan loan)
    {
        try
        {
            loan.Attach();
        }
        catch (PosixException)
        {
            // No descriptor is left, or no memory: it stays lent, to nobody, in this incarnation.
            return;
        }
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

    /// <summary>In a new incarnation: takes in what the previous one made, and takes back what it had lent.</summary>
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

    /// <summary>
    /// Makes again the files that somebody has removed. What is lent stays where it is, for whoever writes there: it is this
    /// process' own now, and copied when it is published.
    /// </summary>
    public void Remake()
    {
        for (var number = 0; number < _files.Count; number++)
        {
            var file = _files[number];
            var path = LoanFile.PathOf(_folder, number);
            if (!file.Is(path))
            {
                var parts = new List<(int, int)> { (0, LoanFile.HeadSize) };
                foreach (var loan in _loans.Where(x => x.FileNumber == number))
                {
                    if (_borrowed.Contains(loan))
                    {
                        loan.Leave();
                    }
                    else
                    {
                        parts.Add(loan.Part);
                    }
                }
                file.Remake(path, change: null, parts);
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
        return from == 0 || !_head.IsLeased(from - 1);
    }

    /// <summary>One more file, of twice as many slots as the one before.</summary>
    private void Grow() =>
        Add(LoanFile.Make(_folder, _files.Count, SlotSize, Math.Min(_maxSlots, 1 << Math.Min(_files.Count, 10))));

    private void Add(Mapping file)
    {
        if (file.View.ReadInt32(LoanFile.SlotSize) != SlotSize)
        {
            var path = file.Path;
            file.Dispose();
            throw new InvalidDataException($"{path} holds messages of another size than the first of its log");
        }
        var slots = file.View.ReadInt32(LoanFile.Slots);
        var detached = new StrongBox<int>();
        for (var slot = 0; slot < slots; slot++)
        {
            _loans.Insert(_next + slot, new Loan(file, detached, _files.Count, slot, SlotSize));
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
