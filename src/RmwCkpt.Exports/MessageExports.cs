using System.Runtime.InteropServices;
using RmwCkpt.Domain;
using RmwCkpt.Memory;
using RmwCkpt.Middleware;
using RmwCkpt.Middleware.Entities;
using RmwCkpt.Middleware.Messages;
using RmwCkpt.Middleware.Processes;

namespace RmwCkpt.Exports;

/// <summary>The functions of ckpt.h that move messages and wait. They allocate nothing unless they fail.</summary>
internal static class MessageExports
{
    internal const int MaxWait = 1 << 24;

    private static Handles Handles => ProcessContext.Current.Handles;

    [UnmanagedCallersOnly(EntryPoint = "ckpt_trigger")]
    private static int Trigger(uint guard)
    {
        try
        {
            Handles.Get<Guard>(guard).Trigger();
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_publish_begin")]
    private static int PublishBegin(uint entity, nint answers, ulong size, nint reservation)
    {
        try
        {
            var endpoint = Handles.Writer(entity);
            RequestId? request = answers == 0 ? null : RequestId.Read(new Region(answers, RequestId.Size));
            if (request is null == (endpoint.Kind == EntityKind.Service))
            {
                return Guarded.Fail(Code.Invalid, "a reply, and only a reply, answers a request");
            }
            var payload = endpoint.Outbox!.Begin(request, (long)Math.Min(size, long.MaxValue));
            new Region(reservation, CReservation.Size).Write(CReservation.Data, (long)payload.Address);
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_publish_end")]
    private static int PublishEnd(uint entity, nint reservation, ulong size, nint sequence)
    {
        try
        {
            var outbox = Handles.Writer(entity).Outbox!;
            if (!outbox.IsHeld)
            {
                return Guarded.Fail(Code.Invalid, "publish_end without publish_begin on this thread");
            }
            var number = outbox.End((long)size);
            if (sequence != 0)
            {
                new Region(sequence, 8).Write(0, number);
            }
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_publish_abort")]
    private static int PublishAbort(uint entity, nint reservation)
    {
        try
        {
            var outbox = Handles.Writer(entity).Outbox!;
            if (!outbox.IsHeld)
            {
                return Guarded.Fail(Code.Invalid, "publish_abort without publish_begin on this thread");
            }
            outbox.Abort();
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_borrow")]
    private static int Borrow(uint entity, ulong size, nint data)
    {
        try
        {
            var lent = Handles.Writer(entity).Outbox!.Borrow((long)Math.Min(size, long.MaxValue));
            new Region(data, 8).Write(0, (long)lent.Address);
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_publish_borrowed")]
    private static int PublishBorrowed(uint entity, nint data, ulong size)
    {
        try
        {
            return Handles.Writer(entity).Outbox!.Publish(data, (long)Math.Min(size, long.MaxValue)) ? 0 : NotLent();
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_return_borrowed")]
    private static int ReturnBorrowed(uint entity, nint data)
    {
        try
        {
            return Handles.Writer(entity).Outbox!.Return(data) ? 0 : NotLent();
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    private static int NotLent() =>
        Guarded.Fail(Code.Error, "nothing that this entity lent is there: it was returned already, or is another's");

    [UnmanagedCallersOnly(EntryPoint = "ckpt_take_begin")]
    private static int TakeBegin(uint entity, nint message)
    {
        try
        {
            var lent = Handles.Reader(entity).Inbox!.Begin();
            var region = new Region(message, CMessage.Size);
            region.Write(CMessage.Taken, lent.Taken ? (byte)1 : (byte)0);
            if (lent.Taken)
            {
                region.Write(CMessage.Data, (long)lent.Payload.Address);
                region.Write(CMessage.Length, (long)lent.Payload.Length);
                region.Write(CMessage.Sequence, lent.Sequence);
                region.Write(CMessage.SourceTime, lent.Time);
                lent.Writer.Write(region.Span(CMessage.Writer, Gid.Size));
                lent.Request.Write(region.Slice(CMessage.Request, RequestId.Size));
            }
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_take_end")]
    private static int TakeEnd(uint entity, nint message)
    {
        try
        {
            var inbox = Handles.Reader(entity).Inbox!;
            if (!inbox.IsLending)
            {
                return Guarded.Fail(Code.Invalid, "take_end without take_begin on this thread");
            }
            return inbox.End() ? 0 : (int)Code.Lost;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_take_loan")]
    private static int TakeLoan(uint entity, nint message)
    {
        try
        {
            var inbox = Handles.Reader(entity).Inbox!;
            if (!inbox.IsLending)
            {
                return Guarded.Fail(Code.Invalid, "take_loan without take_begin on this thread");
            }
            return inbox.EndWithLoan() ? 0 : (int)Code.Lost;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_return_loan")]
    private static int ReturnLoan(uint entity, nint data)
    {
        try
        {
            return Handles.Reader(entity).Inbox!.Return(data) ? 0 : NotLent();
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_wait")]
    private static int Wait(uint session, nint ids, nint ready, nuint count, nuint guards, long timeout)
    {
        try
        {
            if (count > MaxWait || guards > count)
            {
                return Guarded.Fail(Code.Invalid, $"a wait on {count} entities");
            }
            var entities = Symbols.Handles(ids, (int)count);
            var results = count == 0 ? [] : new Region(ready, (int)count).All;
            return (int)(MixedWait.IsMixed(session, entities)
                ? MixedWait.Wait(session, entities, results, timeout)
                : Handles.Session(session).Waiter.Wait(entities, results, timeout, (int)guards));
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ckpt_set_callback")]
    private static int SetCallback(uint entity, nint callback, nint user)
    {
        try
        {
            var watched = Handles.Get<Entity>(entity) is StatusEvent happened ? happened : (Entity)Handles.Reader(entity);
            watched.Session.Callbacks.Set(watched, callback == 0 ? null : Symbols.Caller(callback, user));
            return 0;
        }
        catch (Exception e)
        {
            return Guarded.Fail(e);
        }
    }
}
