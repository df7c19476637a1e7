using System.Runtime.InteropServices;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Processes;
using RmwCkpt.Middleware.Replay;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Exports;

/// <summary>
/// What ckpt.h has of clocks and timers. They are of no session: that through which clocks are read has the timers too. They
/// allocate nothing unless they fail, or meet a timer for the first time.
/// </summary>
internal static class ClockExports
{
    private static Session? Session => ProcessContext.Current.Handles.ClockSession;

    [UnmanagedCallersOnly(EntryPoint = "ckpt_clock")]
    private static long Clock(int clock, long real) =>
        Read(0, clock, real, static (journal, _, clock, real) => journal.ReadClock(clock, real));

    [UnmanagedCallersOnly(EntryPoint = "ckpt_timer_peek")]
    private static long Peek(int clock, long real) =>
        Read(0, clock, real, static (journal, _, clock, real) => journal.Peek(clock, real));

    [UnmanagedCallersOnly(EntryPoint = "ckpt_timer_call")]
    private static long Call(nint timer, int clock, long real) =>
        Read(timer, clock, real, static (journal, timer, clock, real) => journal.Call(journal.Timers[timer], clock, real));

    private static long Read(nint timer, int clock, long real, Func<ReplayJournal, nint, int, long, long> read)
    {
        try
        {
            if (Session is not { } session || clock is < 0 or > ReplayJournal.NoClock || (timer == 0 && clock == ReplayJournal.NoClock))
            {
                return real;
            }
            lock (session.ReplayJournal.Gate)
            {
                return session.IsReleased ? real : read(session.ReplayJournal, timer, clock, real);
            }
        }
        catch (Exception e)
        {
            Guarded.Fail(e);
            return real;
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_timer_gone")]
    private static void Gone(nint timer)
    {
        try
        {
            if (Session is { } session)
            {
                lock (session.ReplayJournal.Gate)
                {
                    session.ReplayJournal.Timers.Remove(timer);
                }
            }
        }
        catch (Exception e)
        {
            Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_timers_await")]
    private static void Await(nint timers, nuint count)
    {
        try
        {
            Timers.AwaitNone();
            if (Session is not { } session || count is 0 or > MessageExports.MaxWait)
            {
                return;
            }
            var addresses = new Region(timers, (int)count * sizeof(long));
            lock (session.ReplayJournal.Gate)
            {
                for (var i = 0; i < (int)count; i++)
                {
                    if (addresses.ReadInt64(i * sizeof(long)) is not 0 and var timer)
                    {
                        Timers.Await(session.ReplayJournal.Timers[(nint)timer]);
                    }
                }
            }
        }
        catch (Exception e)
        {
            Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_timers_due")]
    private static void Due(nint timers, nuint count, nint due)
    {
        try
        {
            if (Session is not { } session || count is 0 or > MessageExports.MaxWait)
            {
                return;
            }
            var addresses = new Region(timers, (int)count * sizeof(long));
            var flags = new Region(due, (int)count).All;
            lock (session.ReplayJournal.Gate)
            {
                for (var i = 0; i < flags.Length && !session.IsReleased; i++)
                {
                    if (addresses.ReadInt64(i * sizeof(long)) is not 0 and var timer)
                    {
                        flags[i] = session.ReplayJournal.IsDue(session.ReplayJournal.Timers[(nint)timer], flags[i] != 0) ? (byte)1 : (byte)0;
                    }
                }
            }
        }
        catch (Exception e)
        {
            Guarded.Fail(e);
        }
    }
}
