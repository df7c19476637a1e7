using System.Text;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware;

/// <summary>Says things on standard error, without System.Console (which would install signal handlers in the host).</summary>
public static class Report
{
    public static void Error(string message) => Posix.Write(2, Encoding.UTF8.GetBytes($"[rmw_ckpt] {message}\n"));
}
