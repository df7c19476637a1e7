using System.Text;
using RmwCkpt.Memory;
using RmwCkpt.Middleware;

namespace RmwCkpt.Exports;

/// <summary>What every export does with failures: nothing escapes to C; the message waits for ckpt_error.</summary>
internal static class Guarded
{
    [ThreadStatic]
    private static string? t_error;

    public static int Fail(Exception e)
    {
        t_error = e is Failure ? e.Message : $"{e.GetType().Name}: {e.Message}";
        return (int)(e is Failure failure ? failure.Code : Code.Error);
    }

    public static int Fail(Code code, string message)
    {
        t_error = message;
        return (int)code;
    }

    public static void CopyError(nint buffer, int size)
    {
        if (buffer == 0 || size <= 0)
        {
            return;
        }
        var into = new Region(buffer, size).All;
        var bytes = Encoding.UTF8.GetBytes(t_error ?? "no error");
        var length = Math.Min(bytes.Length, size - 1);
        bytes.AsSpan(0, length).CopyTo(into);
        into[length] = 0;
    }
}
