using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Tests.Messages;

/// <summary>Counts what the calling thread allocates.</summary>
internal static class Allocations
{
    private const int Times = 10_000;
    private const int WarmUp = 1000;

    /// <summary>How often it makes each call.</summary>
    public const int Calls = WarmUp + Times;

    /// <summary>
    /// Fails unless ten thousand calls allocate nothing, after a thousand others. One in which a file of the session's journal or of
    /// an endpoint's log is begun may: that is one in some thousands.
    /// </summary>
    public static void AssertNone(Session session, Endpoint? writer, Action step)
    {
        for (var i = 0; i < WarmUp; i++)
        {
            step();
        }
        var (allocated, calls) = (0L, 0);
        for (var i = 0; i < Times; i++)
        {
            var files = Files(session, writer);
            var before = GC.GetAllocatedBytesForCurrentThread();
            step();
            var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            if (bytes > 0 && files == Files(session, writer))
            {
                (allocated, calls) = (allocated + bytes, calls + 1);
            }
        }
        Assert.True(allocated == 0, $"{calls} of {Times} calls have allocated {allocated} bytes");
    }

    private static (long, long, long) Files(Session session, Endpoint? writer)
    {
        var cells = session.Slot.ReadInt64(ProcessTable.JournalEnd);
        return (cells / Journal.CellsPerFile, (cells + Journal.CellsPerFile - 1) / Journal.CellsPerFile, writer?.Outbox!.Head.LastSegment ?? 0);
    }
}
